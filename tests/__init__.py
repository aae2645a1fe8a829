"""The tests; a package because the folder of the flows is one."""
