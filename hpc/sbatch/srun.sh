# Slurm starts one process a task and tells each of its place (--mpi). A process that is lost ends the others after
# seven seconds (--wait); one that ends with 85 must not (--kill-on-bad-exit=0). Binding: add --cpu-bind=cores where
# nodes are shared out by cores.
srun --mpi={{mpi}} --kill-on-bad-exit=0 --wait=7 --cpus-per-task={{threads_n}} \
    "$python" -m neurosim run "$config" --output "$output" --threads {{threads_n}} {{more}}--resume
status=$?
