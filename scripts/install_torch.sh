#!/bin/sh
# Installs torch VERSION with the pip command in $PIP: the CPU build unless there is an NVIDIA GPU.
# On Linux the plain wheel brings gigabytes of CUDA libraries, which a machine without a GPU never gets.
set -eu
version=$1

if [ "$(uname -s)" != Linux ] || command -v nvidia-smi >/dev/null 2>&1; then
    exec $PIP install --quiet "torch==$version"
fi
# The CPU build may stand on the configured index or among its links; else PyTorch's own index has it.
if $PIP install --quiet "torch==$version+cpu" 2>/dev/null; then
    exit 0
fi
if $PIP install --quiet --retries 1 --timeout 15 --extra-index-url https://download.pytorch.org/whl/cpu \
    "torch==$version+cpu"; then
    exit 0
fi
plan=$($PIP install --quiet --dry-run --report - "torch==$version")
case $plan in
*nvidia*)
    echo "No CPU build of torch $version was found; the index only offers the CUDA build." >&2
    echo "Install a CPU build of torch into the environment yourself, then run make again." >&2
    exit 2
    ;;
esac
exec $PIP install --quiet "torch==$version"
