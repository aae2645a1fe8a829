"""What `make demo` tells: its corpus, its judged questions, its servers and its story."""
