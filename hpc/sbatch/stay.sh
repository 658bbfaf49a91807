if ((status == 85)); then
    echo "time is nearly over and a checkpoint is written; hand the script in again to go on from there"
fi
