#!/bin/bash
# neurosim, v1: 8 x 2 processes of 16 threads
# Hand it in again with: sbatch /scratch/me/v1/job.sh
#SBATCH --job-name=v1
#SBATCH --nodes=8
#SBATCH --ntasks-per-node=2
#SBATCH --cpus-per-task=16
#SBATCH --time=02:00:00
#SBATCH --account=m1234
#SBATCH --partition=batch,long
#SBATCH --qos=regular
#SBATCH --mem=64G
#SBATCH --constraint=cpu
#SBATCH --signal=USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=/scratch/me/v1/job.out

# Software: the interpreter and environment that this script was made with.
module load gcc/12.3
module load cray-mpich-abi
python=/home/me/env/bin/python
export PATH=/home/me/env/bin:$PATH
# neurosim has 16 threads of its own in each process; libraries below it must not start more.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMEXPR_NUM_THREADS=1
export NEUROSIM_CACHE_DIR='/scratch/me/kernels of mine'
set -u

# What is run.
cd /home/me || exit 1
config=/home/me/v1/config.json
output=/scratch/me/v1
mkdir -p "$output"
note() {    # what collect reads: tries, their lengths, how they ended
    echo "$1 at=$(date +%s) job=${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID} try=${SLURM_RESTART_COUNT:-0} nodes=$SLURM_JOB_NODELIST ${2-}" \
        >>"$output/slurm.txt"
}

note begin
# Slurm starts one process a task and tells each of its place (--mpi). A process that is lost ends the others after
# seven seconds (--wait); one that ends with 85 must not (--kill-on-bad-exit=0). Binding: add --cpu-bind=cores where
# nodes are shared out by cores.
srun --mpi=pmi2 --kill-on-bad-exit=0 --wait=7 --cpus-per-task=16 \
    "$python" -m neurosim run "$config" --output "$output" --threads 16 --checkpoint-every 500 --resume
status=$?
note end "status=$status"

# 85: time is nearly over and a checkpoint is written. Back to the queue; the next try goes on from there.
if ((status == 85)) && ((${SLURM_RESTART_COUNT:-0} < 100)); then
    scontrol requeue "$SLURM_JOB_ID" && sleep 300    # Slurm ends this script meanwhile
fi
exit "$status"
