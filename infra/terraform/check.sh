#!/usr/bin/env bash
# Formats, validates and tests every Terraform root here: with the real registry where it answers, else with the tool
# that TERRAFORM_OFFLINE names (a folder with requirements.txt and terraform_offline.py), else not, and says so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

PYTHON="${PYTHON:-python3}"
VENV="${VENV_TERRAFORM:-$(cd ../.. && pwd)/.venv-terraform}"
ROOTS=(modules/lake examples/minimal)

[[ -t 1 ]] || export TF_CLI_ARGS="-no-color"

say() { printf 'terraform-check: %s\n' "$*"; }

if ! command -v terraform >/dev/null; then
  say "SKIPPED, nothing was checked: terraform is not on PATH"
  exit 0
fi

say "fmt -check -recursive"
if ! terraform fmt -check -recursive -diff .; then
  say "FAILED: the files above are not formatted; run: terraform fmt -recursive infra/terraform"
  exit 1
fi

# A registry that does not answer is told from a fault of ours by what init says; only the first is a reason to go on.
unreachable='could not connect to|failed to request discovery document|no such host|connection refused|i/o timeout|Client.Timeout'

direct() {
  local root="$1" data status=0 output
  data="$(mktemp -d)"
  output="$(cd "$root" && TF_DATA_DIR="$data" timeout 300 terraform init -backend=false -input=false -no-color 2>&1)" || status=$?
  if ((status)); then
    rm -rf "$data"
    printf '%s\n' "$output"
    if [[ "$status" -eq 124 ]] || grep -qE "$unreachable" <<<"$(tr '\n│' '  ' <<<"$output" | tr -s ' ')"; then return 2; fi
    return 1
  fi
  (cd "$root" && TF_DATA_DIR="$data" terraform validate && TF_DATA_DIR="$data" terraform test) || status=1
  rm -rf "$data"
  return "$status"
}

through_tool() {
  if [[ ! -f "$VENV/.installed" || "$TERRAFORM_OFFLINE/requirements.txt" -nt "$VENV/.installed" ]]; then
    "$PYTHON" -m venv "$VENV"
    "$VENV/bin/python" -m pip install --quiet --requirement "$TERRAFORM_OFFLINE/requirements.txt"
    touch "$VENV/.installed"
  fi
  for root in "${ROOTS[@]}"; do
    say "$root: init, validate, test against the provider's schema alone"
    "$VENV/bin/python" "$TERRAFORM_OFFLINE/terraform_offline.py" "$root"
  done
}

for root in "${ROOTS[@]}"; do
  say "$root: init, validate, test"
  status=0
  direct "$root" || status=$?
  if ((status == 2)); then
    if [[ -n "${TERRAFORM_OFFLINE:-}" ]]; then
      say "the registry does not answer; using TERRAFORM_OFFLINE"
      through_tool
      break
    fi
    say "SKIPPED after fmt: the registry does not answer and TERRAFORM_OFFLINE is not set"
    exit 0
  fi
  if ((status)); then
    say "FAILED: $root"
    exit 1
  fi
done
say "passed"
