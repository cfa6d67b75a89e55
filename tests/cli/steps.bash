# shellcheck shell=bash disable=SC2154,SC2034
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
#
# Walks through the steps of a command (tests/tools/step_shim.cpp): it fails or is killed at each one, on the machine as `keep`
# found it. After each of them:
#   - every volume of the manifest is whole and its master key would open, and `old` among them is what it was;
#   - the command, run again, succeeds, and leaves exactly what an undisturbed run leaves.

shim=$(dirname "$sealmount")/../tests/tools/libstep_shim.so
[[ -e $shim ]] || { echo "steps: $shim is missing: build it"; exit 69; }
tcti=(--tcti "swtpm:path=$work/sock")

quietly() { "$sealmount" "$@" --root "$ROOT" "${tcti[@]}" >"$work/output" 2>&1 <<<"${passphrase-}"; }

# keep: the machine as it is now is what each step starts from.
keep() {
    remove_tree "$work/before"
    cp -a "$ROOT" "$work/before"
    (cd "$ROOT" && find srv -type d -exec lsattr -d {} + | sed -n 's/^....i[^ ]* //p') >"$work/guarded"
    state >"$work/state-before"
}

restore() {
    remove_tree "$ROOT"
    cp -a "$work/before" "$ROOT"
    (cd "$ROOT" && xargs -r -d '\n' chattr +i) <"$work/guarded"
}

# How the volumes of a manifest are compared.
order=.

# state: all names with their modes, the manifest, and what is immutable; nothing that is random, nor the numbers of directories,
# which are others whenever they are restored.
state() {
    (cd "$ROOT" && find etc/sealmount srv -printf '%M %p\n' | LC_ALL=C sort -k 2 &&
        jq "$order | del(.volumes[].ground | .inode, .generation)" etc/sealmount/manifest.json && find srv -type d -exec lsattr -d {} + | grep '^....i' | sed 's/.* //')
}

# files_of_old: what the volume `old` requires. Further keys under its master key prove the file of that as well.
files_of_old() { (cd "$ROOT/etc/sealmount" && sha256sum keys/7f475b5d20a645dc.key && jq '.srk, .slots, .recovery' masters/default.json && jq '.volumes[] | select(.name == "old")' manifest.json); }

# leftovers: key files, master files, guards and mount points that no volume of the manifest has.
leftovers() {
    (
        cd "$ROOT" || exit
        jq -r '.volumes[] | .mountpoint, .signature, .filename_signature // empty, .master // "default"' etc/sealmount/manifest.json |
            sort -u >"$work/used"
        {
            find etc/sealmount/keys etc/sealmount/masters -type f -printf '%f\n' | sed -E 's/\.(key|json)$//'
            find srv -type d -exec lsattr -d {} + | sed -n 's#^....i[^ ]* #/#p'
            find srv/new -mindepth 1 -printf '/%p\n' 2>/dev/null
        } | grep -vxF -f "$work/used"
    )
}

all_open() {
    quietly status --json && jq -e '([.volumes[].name] | contains(["old"])) and ([.volumes[].problems[]] == [])
        and (.masters | all(.opens_now)) and .problems == []' "$work/output" >/dev/null &&
        diff <(files_of_old) "$work/old"
}

# is_whole EXIT DO COMMAND...: the promises; prints the one that is broken.
is_whole() {
    local status=$1 do=$2
    shift 2
    cp "$work/output" "$work/struck"
    all_open || { echo "BROKEN: not every volume opens:"; cat "$work/output"; return; }
    if [[ $do == enospc && ${2-} == --batch ]]; then
        ! leftovers >"$work/leftovers" || { echo "BROKEN: something is half done:"; cat "$work/leftovers"; state; return; }
    elif [[ $do == enospc && $1 == enroll && $status -ne 0 ]]; then
        state | cmp -s - "$work/state-before" || state | cmp -s - "$work/state-after" ||
            { echo "BROKEN: something is half done:"; state; return; }
    fi
    # A removal whose guard could not be lifted continues, and says what to do.
    if grep -q "lift that with 'chattr -i'" "$work/struck"; then
        echo -n "(warned) "
        chattr -i "$(sed -n 's/.*warning: \(.*\) stays immutable.*/\1/p' "$work/struck" | sed "s#^#$ROOT#")"
    fi
    status=0
    quietly "$@" || status=$?
    # The very last steps of a removal come after everything is removed.
    [[ $status -eq 0 || ($1 == remove && $status -eq 66) ]] ||
        { echo "BROKEN: again: exit status $status: $(cat "$work/output")"; return; }
    state | diff "$work/state-after" - || { echo "BROKEN: not as after an undisturbed run"; return; }
    all_open || { echo "BROKEN: not every volume opens in the end:"; cat "$work/output"; return; }
    if [[ $1 == enroll ]]; then
        # Enrolling once more opens every key with the unsealed master key, and finds nothing to do.
        quietly "$@" --json || true
        jq -e '(if has("refused") then (.refused == [] and .enrolled != []) else true end) and
            all(.enrolled // [.] | .[]; .files == [] and .guarded)' "$work/output" >/dev/null ||
            { echo "BROKEN: a third time: $(cat "$work/output")"; return; }
    fi
    echo ok
}

# walk kill|enospc VERB ARGS...
walk() {
    local do=$1 n status step order=$order
    shift
    # A volume of a batch that is refused comes after the others when the batch is run again.
    [[ $do != enospc || ${2-} != --batch ]] || order='.volumes |= sort_by(.name)'
    restore
    quietly "$@" || { echo "BROKEN: undisturbed: $(cat "$work/output")"; return; }
    state >"$work/state-after"
    for ((n = 1; ; n++)); do
        restore
        files_of_old >"$work/old"
        rm -f "$work/log"
        status=0
        (
            export LD_PRELOAD=$shim STEP_BELOW=$ROOT/etc:$ROOT/srv STEP_AT=$n STEP_DO=$do STEP_LOG=$work/log
            quietly "$@"
        ) 2>/dev/null || status=$?
        step=$(sed -n "${n}p" "$work/log")
        [[ -n $step ]] || break
        [[ $do != kill || $status -eq 137 ]] || echo "BROKEN: was not killed: $status"
        printf '%s: ' "$step"
        is_whole "$status" "$do" "$@" >"$work/verdict"
        cat "$work/verdict"
        # What follows a broken step shows nothing new.
        if grep -q BROKEN "$work/verdict"; then
            kill -0 "$(<"$work/tpm.pid")" 2>/dev/null || echo "the software TPM has died: $(uniq "$work/swtpm.log" | tail -n 5)"
            return
        fi
    done
    [[ $status -eq 0 ]] || echo "BROKEN: without a strike: exit status $status: $(cat "$work/output")"
    echo "$((n - 1)) steps"
}
