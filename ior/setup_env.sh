# What Open MPI needs here, exported; source it (". ior/setup_env.sh"), then plain `mpirun -np N benchfs-ior ...` works.
# What is set already stays as it is.

# Open MPI refuses root otherwise; as a user it is not said.
if [ "$(id -u)" -eq 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
# More ranks than cores are allowed, nothing is bound (rank 0 and the server it starts would share one core), and a rank
# that waits in MPI yields, so that server and clients beside it get on.
export OMPI_MCA_rmaps_base_oversubscribe="${OMPI_MCA_rmaps_base_oversubscribe:-1}"
export OMPI_MCA_hwloc_base_binding_policy="${OMPI_MCA_hwloc_base_binding_policy:-none}"
export OMPI_MCA_mpi_yield_when_idle="${OMPI_MCA_mpi_yield_when_idle:-1}"

# The programs of the build that this file belongs to, first in PATH.
benchfs_ior_dir=$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")" 2>/dev/null && pwd)
benchfs_build=${BENCHFS_BUILD:-$benchfs_ior_dir/../build}
for benchfs_place in ior daemon clients/cli; do
    if [ -d "$benchfs_build/$benchfs_place" ]; then PATH=$(cd "$benchfs_build/$benchfs_place" && pwd):$PATH; fi
done
export PATH
unset benchfs_ior_dir benchfs_build benchfs_place
