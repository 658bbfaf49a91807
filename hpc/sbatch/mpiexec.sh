# The MPI's own starter finds the nodes of the job. Slurm's signal comes to this script, which hands it on.
mpiexec -n "$SLURM_NTASKS" \
    "$python" -m neurosim run "$config" --output "$output" --threads {{threads_n}} {{more}}--resume &
started=$!
trap 'kill -USR1 "$started"' USR1
wait "$started"
status=$?
while ((status == 128 + $(kill -l USR1))); do    # the signal ended the wait, not the run
    wait "$started"
    status=$?
done
trap - USR1
