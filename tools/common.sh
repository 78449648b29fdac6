# Shared by tools/quickstart and tools/check: progress lines, configuring and building a Meson directory.

started_at=$SECONDS

# say TEXT...: one line of progress with the seconds since the start.
say() { printf '[%4d s] %s\n' "$((SECONDS - started_at))" "$*"; }

# configure DIRECTORY CC CXX OPTION...: sets the build directory up; keeps it while the options stay the same.
configure() {
    local directory=$1 cc=$2 cxx=$3
    shift 3
    local wanted="$cc $cxx $*"
    if [[ -f $directory/build.ninja && ! -f $directory/.benchfs-options ]]; then
        say "configure: $directory was set up by hand, it is used as it is"
        return 0
    fi
    if [[ -f $directory/build.ninja && $(<"$directory/.benchfs-options") == "$wanted" ]]; then return 0; fi
    # Other options, or a set-up that failed half-way (which --wipe refuses): begin again.
    if [[ -d $directory/meson-private ]]; then rm -rf "$directory"; fi
    mkdir -p "$directory"
    if ! CC=$cc CXX=$cxx meson setup "$directory" "$source_dir" "$@" >"$directory.setup.log" 2>&1; then
        tail -n 12 "$directory.setup.log"
        return 1
    fi
    rm -f "$directory.setup.log"
    echo "$wanted" >"$directory/.benchfs-options"
}

# build DIRECTORY TARGET...: on success sets `built` to what was done; on failure prints the errors.
build() {
    local directory=$1 log=$1/build.log
    shift
    if ! ninja -C "$directory" "$@" >"$log" 2>&1; then
        grep -A 12 -E '^FAILED|error:' "$log" | grep -v -E '^\S*(clang|gcc|g\+\+)\S* +-' | cut -c1-300 | head -n 60 || true
        echo "the whole output: $log"
        return 1
    fi
    if grep -q 'no work to do' "$log"; then
        built="nothing to rebuild"
    else
        built="$(grep -c -E '^\[[0-9]+/[0-9]+\]' "$log") steps"
    fi
}
