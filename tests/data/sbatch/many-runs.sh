#!/bin/bash
# neurosim, config: 1 x 1 processes of 1 thread
# Hand it in again with: sbatch /scratch/me/v1/job.sh
#SBATCH --job-name=config
#SBATCH --array=0-19%4
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=1
#SBATCH --time=30
#SBATCH --signal=B:USR1@60
#SBATCH --no-requeue
#SBATCH --open-mode=append
#SBATCH --output=/scratch/me/v1/logs/%a.out

# Software: the interpreter and environment that this script was made with.
python=/home/me/env/bin/python
export PATH=/home/me/env/bin:$PATH
# neurosim has 1 thread of its own in each process; libraries below it must not start more.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMEXPR_NUM_THREADS=1
set -u

# What is run.
folder=/scratch/me/v1    # runs.csv there says what each run is
run=$(printf %04d "$SLURM_ARRAY_TASK_ID")
config=$folder/configs/$run.json
output=$folder/$run
mkdir -p "$output"
note() {    # what collect reads: tries, their lengths, how they ended
    echo "$1 at=$(date +%s) job=${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID} try=${SLURM_RESTART_COUNT:-0} nodes=$SLURM_JOB_NODELIST ${2-}" \
        >>"$output/slurm.txt"
}

note begin
# The MPI's own starter finds the nodes of the job. Slurm's signal comes to this script, which hands it on.
mpiexec -n "$SLURM_NTASKS" \
    "$python" -m neurosim run "$config" --output "$output" --threads 1 --resume &
started=$!
trap 'kill -USR1 "$started"' USR1
wait "$started"
status=$?
while ((status == 128 + $(kill -l USR1))); do    # the signal ended the wait, not the run
    wait "$started"
    status=$?
done
trap - USR1
note end "status=$status"

if ((status == 85)); then
    echo "time is nearly over and a checkpoint is written; hand the script in again to go on from there"
fi
exit "$status"
