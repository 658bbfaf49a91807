#!/bin/bash
# {{title}}
# Hand it in again with: sbatch {{script}}
{{directives}}

# Software: the interpreter and environment that this script was made with.
{{modules}}python={{python}}
export PATH={{bin}}:$PATH
# neurosim has {{threads}} of its own in each process; libraries below it must not start more.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMEXPR_NUM_THREADS=1
{{env}}set -u

# What is run.
{{run}}
mkdir -p "$output"
note() {    # what collect reads: tries, their lengths, how they ended
    echo "$1 at=$(date +%s) job=${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID} try=${SLURM_RESTART_COUNT:-0} nodes=$SLURM_JOB_NODELIST ${2-}" \
        >>"$output/slurm.txt"
}

note begin
{{launch}}
note end "status=$status"

{{after}}
exit "$status"
