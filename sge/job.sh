#!/bin/sh
# What each job of Grid Engine begins with.
# Grid Engine itself starts no job again (-r n): Snakemake does, and two jobs would write one result.
#$ -S /bin/sh -cwd -j y -r n -notify
# The warning before the end (SIGUSR2) is for a training, which saves its state. All others would die of it at once.
trap '' USR1 USR2
. .snakemake/sge/environment
{exec_job}
