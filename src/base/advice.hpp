// What can be done about something that went wrong, as a value. Whoever finds it out names the situation and
// its facts; app/output/hints.cpp alone turns them into a sentence with the command to run.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <string>

namespace sealmount {

/// The situations. The comment says what to do, and what `subject` and `other` are.
enum class AdviceKind {
    none,                 ///< the message says all
    reseal_with_recovery, ///< master key `subject`: bind it to the present state with recovery key or
                          ///< passphrases

    // Slots and renewal of the master key `subject`.
    reseal_present_state, ///< no slot fits the present state: make one
    replace_recovery_key, ///< a recovery key is not pruned: replace or revoke it
    list_slots,           ///< there is no such slot: look which there are
    rebind_with_pin,      ///< slots have a PIN, which is not asked for at boot: rebind now
    reseal_with_pin,      ///< all slots have a PIN, which nobody gave: reseal with the recovery key now

    // Enrolling and removing.
    give_master,                   ///< the key is under the master key `subject`: name that
    choose_master,                 ///< the master key does not open: name a new one
    edit_or_remove,                ///< volume `subject` has other settings: edit them, or remove it first
    choose_name_or_remove,         ///< the name of volume `subject` is taken: choose another, or remove it
    name_lower,                    ///< the lower directory is the one with the encrypted files
    leave_out_cipher,              ///< cipher and key size are detected: do not give them
    give_key_bytes,                ///< nothing shows the key size: give it
    leave_out_filename_encryption, ///< names are plain: do not ask for their encryption
    enroll_with_passphrase,        ///< the import fits not: enroll with the passphrase that made the files
    guard_by_hand,      ///< the mount point cannot be guarded: make it immutable, or ask for no guard
    lift_guard_by_hand, ///< the mount point stays immutable: make it writable
    unlink_user_key,    ///< a user key of signature `subject` is still in the keyring: unlink it
    stop_unit,          ///< the volume is mounted by unit `subject`: stop that first

    // Unlocking and rescuing.
    add_filename_passphrase, ///< file names have a passphrase of their own: give it
    show_events,             ///< events of PCR `subject` are missing: look which there are

    // Check: the kernel and the TPM.
    boot_with_encrypted_keys, ///< the kernel has no encrypted keys
    boot_with_trusted_keys,   ///< the kernel has no trusted keys, which the manifest demands
    boot_with_ecryptfs,       ///< the kernel has no eCryptfs
    clear_lockout,            ///< the TPM counts failed tries: find who guesses, or end the lockout
    use_managed_device,       ///< another program holds the raw device
    drop_leftovers,           ///< others left objects or sessions in the TPM
    load_tpm_driver,          ///< the firmware announces a TPM that has no device
    switch_on_tpm,            ///< there is no TPM
    look_at_tpm_messages,     ///< the TPM fails: the kernel's messages say more

    // Check: the files of ours, master keys and their slots.
    fix_manifest,        ///< a volume of the manifest is bad: the manual has its members
    restore_store,       ///< a master file is unusable: restore the directory `subject`, or enroll again
    reseal_if_known,     ///< master key `subject`: find out who changed the boot chain, or reseal it
    resume,              ///< master key `subject` is suspended: end that after the update
    bind_empty_policy,   ///< master key `subject` has an empty policy: bind it to the present state
    widen_boot_window,   ///< a boot window of master key `subject` is narrow: make a longer one
    make_recovery_key,   ///< master key `subject` has none: make one
    suspend_one_boot,    ///< what cannot be predicted cannot be sealed to
    suspend,             ///< master key `subject`: what cannot be predicted cannot be sealed to
    reseal_pin,          ///< master key `subject` has a PIN that can be tried too easily: seal it again
    reseal_without_pin,  ///< master key `subject`: make a slot without a PIN
    reseal_next_boot,    ///< master key `subject`: make a slot for the next boot
    make_pcrlock_policy, ///< the policy of systemd-pcrlock does not allow the next boot
    sign_next_boot,      ///< values of the next boot are not signed
    run_check,           ///< a check of the present state shows more

    // Check: volumes.
    fix_as_message_says, ///< the message names the place and what is wrong with it
    restore_key,         ///< a key file is unusable: restore it, or enroll again
    fix_master_name,     ///< the manifest names another master key than the key file
    fix_lower,           ///< the lower directory is not there: mount its file system, or edit the manifest
    free_mountpoint,     ///< another file system is mounted there
    move_file_away,      ///< the mount point is not a directory
    move_files_away,     ///< files lie in the mount point
    make_mountpoint,     ///< the mount point `subject` is missing: make it, immutable
    guard_now,           ///< the mount point `subject` is not guarded: make it immutable
    comment_out_fstab,   ///< a line of the table mounts the volume as well: import it
    take_out_of_fstab,   ///< a line of the table mounts something else there
    reload_units,        ///< systemd's units are not those of the manifest: reload them
    purge_user_key,      ///< a user key of signature `subject` is in the way: purge it
    make_private,        ///< others can read the file `subject`
    restore_ground,   ///< volume `subject`: mount the file system that belongs there, or record what is there
                      ///< now
    record_ground,    ///< volume `subject` has no ground recorded
    end_other_use,    ///< somebody else uses the lower directory: end that
    separate_volumes, ///< directories of volumes overlap: choose others, or remove one of the volumes
    confirm_empty,    ///< the lower directory is empty: mount what belongs there, or say that it is new
    mount_table_line, ///< mount what belongs on `subject`, or say that the directory below is meant
    mount_read_write, ///< the lower directory `subject` is on a file system that is read-only
    use_safe_mountpoint,    ///< `subject`, on the way to the mount point, can be replaced in `other`
    guard_mountpoint,       ///< the mount point `subject` can be replaced in `other`: make it immutable
    make_mountpoint_safe,   ///< the mount point, or `subject` on the way, would be made in a user's directory
    use_safe_lower,         ///< `subject`, on the way to the lower directory, can be replaced in `other`
    use_path_without_links, ///< `subject` is a symbolic link on the way

    // Check: what it cannot look at.
    run_as_root,            ///< the rights to look are missing
    run_where_systemd_runs, ///< systemd cannot be asked
    load_af_alg,            ///< the kernel cannot be asked for its ciphers

    // Check: the kernel.
    load_before_disabling,  ///< modules cannot be loaded any more
    start_installed_kernel, ///< the modules of the running kernel `other` are not on the disk any more
    boot_with_cipher,       ///< the kernel has not the algorithm `subject`
    leave_fips_mode,        ///< eCryptfs requires what FIPS mode forbids

    // Check: units.
    install_again,             ///< a file of the package is missing or not executable
    look_at_unit,              ///< systemd cannot load the unit `subject`
    unmask_unit,               ///< the unit `subject` is masked
    unmask_until_boot,         ///< the unit `subject` is masked, until the next boot
    remove_override,           ///< the file `subject` takes the place of ours
    have_target_start,         ///< no target starts the mount unit `subject`
    list_jobs,                 ///< the unit `subject` has a job
    look_at_condition,         ///< a condition of the unit `subject` does not hold
    reset_failed_unit,         ///< systemd refuses to start the unit `subject` again
    start_again,               ///< `other` failed: start the mount unit `subject` again
    mount_configuration_early, ///< /etc/sealmount is in the mount `subject`
    change_command_line,       ///< the kernel's command line switches units off

    // Files, the kernel and the TPM.
    enable_storage,      ///< the TPM's storage hierarchy is disabled
    evict_locked_srk,    ///< the key at the SRK's handle has an authorization value
    accept_new_tpm,      ///< its storage root key is another one than before: the TPM is, or somebody is in
                         ///< between
    reseal_onto_new_tpm, ///< the same for the master key `subject`, whose recovery key or passphrases open it
    persist_srk,         ///< master key `subject`: the SRK is not persistent any more
    forbid_writing,      ///< let only the owner write to the file `subject`
    load_ecryptfs,       ///< the running kernel lacks eCryptfs
    read_kernel_log,     ///< it says more about a failed mount
    show_keyrings,       ///< find the keyring that still holds a key
    pass_credential,     ///< run this with the credential `subject`
    make_srk_by_hand,    ///< the TPM's owner hierarchy has a password

    // Keys of volumes.
    renew_user_key,           ///< drop the user key, and add it again
    add_user_key,             ///< put the key of the contents into root's keyring
    add_both_user_keys,       ///< and that of the file names
    name_filename_key,        ///< an empty volume: which user key is that of the file names
    give_filename_fekek,      ///< the file names have a key of their own
    give_filename_passphrase, ///< they may have a passphrase of their own
    choose_cipher,            ///< that of new files, where a volume has several

    // Policies.
    update_pcrlock,    ///< systemd-pcrlock's file does not allow the present state
    reseal_to_pcrlock, ///< its NV index is not the one that a slot was sealed to
    list_pcr_banks,    ///< which banks the TPM keeps
    sign_over_sha256,  ///< signatures of PCRs of another bank that a TPM accepts

    // Predictions.
    change_and_look,       ///< a change behind GRUB that is only named
    name_changes,          ///< what the next boot will measure cannot be found out
    give_phases,           ///< the boot phases before volumes are unlocked
    give_authority,        ///< the certificate that will verify the boot images
    give_database,         ///< the contents of db
    give_secure_boot,      ///< the new value of the variable SecureBoot
    leave_attributes_out,  ///< four bytes at the beginning of a file from efivarfs
    give_old_command_line, ///< the kernel's present one
    give_new_digest,       ///< that of an event whose text is not known
    reseal_after_boot,     ///< the next boot first has to be seen
    prune_after_boot,      ///< the present slots go when that boot has been seen
    read_log_instead,      ///< the TPM of this machine is not there: a log says what was measured

    // Secrets that nobody gave, and names that nobody has.
    list_masters,           ///< there is no such master key
    give_pin,               ///< the master key opens with a PIN only, and nobody gave it
    give_pin_file,          ///< slots have a PIN, and nobody is there to type it
    give_recovery_key_file, ///< the present recovery key makes a new one
    show_on_terminal,       ///< a new passphrase is shown on a terminal only
    inspect_lower,          ///< the directory `subject` has the encrypted files
    name_encrypted_files,   ///< the directory is not the one with the encrypted files, or not there
    inspect_with_rights,    ///< the directory is closed to whoever asks
    enroll_full_volume,     ///< a new passphrase would not open the files that are there

    // The proof of the store.
    prove_store,    ///< the file of master key `subject` has to be written again by somebody who opens it
    name_policy,    ///< nothing proves what slots are sealed to: name a policy
    prune_unproven, ///< master key `subject`: slot `other` has never opened since the first version
};

/// app/output/hints.cpp counts its sentences by it.
inline constexpr AdviceKind last_advice = AdviceKind::prune_unproven;

struct Advice {
    AdviceKind kind = AdviceKind::none;
    std::string subject{};
    std::string other{};

    bool operator==(const Advice&) const = default;
};

/// What is wrong, as a sentence without a full stop, and what can be done about it. An Error that nobody
/// threw, where there is more than one, or where it only changes a decision.
struct Problem {
    std::string message;
    Advice advice{};

    bool operator==(const Problem&) const = default;
};

} // namespace sealmount
