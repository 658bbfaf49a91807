# 85: time is nearly over and a checkpoint is written. Back to the queue; the next try goes on from there.
if ((status == 85)) && ((${SLURM_RESTART_COUNT:-0} < {{restarts}})); then
    scontrol requeue "$SLURM_JOB_ID" && sleep 300    # Slurm ends this script meanwhile
fi
