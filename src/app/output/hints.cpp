// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/output/hints.hpp"

#include "base/format.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

/// A sentence, in which {0} and {1} are the advice's `subject` and `other`, and {2} the command in quotes.
struct Hint {
    AdviceKind kind;
    std::string_view text;
    std::string_view command = {}; ///< {} is the subject as a word for a shell
};

constexpr std::string_view reseal_with_recovery = "'sealmount reseal {0} --recover' binds its volumes to the "
                                                  "present state; it asks for the recovery key or "
                                                  "their passphrases";

constexpr std::array hints = {
    Hint{AdviceKind::none, ""},
    Hint{AdviceKind::reseal_with_recovery, reseal_with_recovery},

    Hint{AdviceKind::reseal_present_state, "'sealmount reseal {0}' makes a slot for the present state"},
    Hint{AdviceKind::replace_recovery_key,
         "'sealmount recovery-key {0}' makes a new one in its place, or none with --revoke"},
    Hint{AdviceKind::list_slots, "'sealmount slots {0}' lists them"},
    Hint{AdviceKind::rebind_with_pin, "'sealmount rebind {0}' asks for it"},
    Hint{AdviceKind::reseal_with_pin, "'sealmount reseal {0} --recover' asks for it"},

    Hint{AdviceKind::give_master, "use --master {0}"},
    Hint{AdviceKind::choose_master, "choose a new master key with --master"},
    Hint{AdviceKind::edit_or_remove, "edit them there, or run 'sealmount remove {0}' first"},
    Hint{AdviceKind::choose_name_or_remove, "choose another name, or run 'sealmount remove {0}' first"},
    Hint{AdviceKind::name_lower, "--lower names the directory with the encrypted files"},
    Hint{AdviceKind::leave_out_cipher, "leave out --cipher and --key-bytes, they are detected"},
    Hint{AdviceKind::give_key_bytes, "give it with --key-bytes"},
    Hint{AdviceKind::leave_out_filename_encryption, "leave out --filename-encryption and --filename-key"},
    Hint{AdviceKind::enroll_with_passphrase,
         "take the volume over with 'sealmount enroll' and the mount passphrase that made its files"},
    Hint{AdviceKind::guard_by_hand, "'chattr +i' makes the empty directory immutable where the file system "
                                    "supports it, --no-guard silences this"},
    Hint{AdviceKind::lift_guard_by_hand, "lift that with 'chattr -i'"},
    Hint{AdviceKind::unlink_user_key, "drop it with 'keyctl unlink \"$(keyctl search @u user {0})\" @u'"},
    Hint{AdviceKind::stop_unit, "run {2} first", "systemctl stop {}"},

    Hint{AdviceKind::add_filename_passphrase, "give that of the names with --filename-passphrase-file FILE"},
    Hint{AdviceKind::show_events, "'sealmount events --pcr {0}' shows which there are"},

    Hint{AdviceKind::boot_with_encrypted_keys,
         "boot a kernel with CONFIG_ENCRYPTED_KEYS, or run 'modprobe encrypted-keys'"},
    Hint{AdviceKind::boot_with_trusted_keys,
         "boot a kernel with CONFIG_TRUSTED_KEYS (run 'modprobe trusted' where it is a module), or take "
         "\"form\": \"trusted\" out of the manifest"},
    Hint{AdviceKind::boot_with_ecryptfs,
         "boot a kernel with CONFIG_ECRYPT_FS, or install its module: Debian's cloud "
         "kernels have none"},
    Hint{AdviceKind::clear_lockout,
         "find out which program guesses; 'tpm2_dictionarylockout --clear-lockout' ends it"},
    Hint{AdviceKind::use_managed_device,
         "let that program use /dev/tpmrm0; until then master keys come in as user keys"},
    Hint{AdviceKind::drop_leftovers,
         "the next unlock drops them if it needs the room; 'tpm2_flushcontext --transient-object "
         "--loaded-session --tcti device:/dev/tpm0' does so now"},
    Hint{AdviceKind::load_tpm_driver, "look at 'dmesg | grep -i tpm' and load its driver"},
    Hint{AdviceKind::switch_on_tpm, "if this machine has one, switch it on in the firmware setup"},
    Hint{AdviceKind::look_at_tpm_messages, "look at 'dmesg | grep -i tpm'"},

    Hint{AdviceKind::fix_manifest, "fix that place; sealmount-manifest(5) says what may appear there"},
    Hint{AdviceKind::restore_store, "restore {0} from a backup, or enroll its volumes again"},
    Hint{
        AdviceKind::reseal_if_known,
        "if nobody changed the boot chain but you, 'sealmount reseal {0} --recover' binds its volumes to the "
        "present state; it asks for the recovery key or their passphrases"},
    Hint{AdviceKind::resume, "when the update is done, run 'sealmount resume {0}'"},
    Hint{AdviceKind::bind_empty_policy,
         "'sealmount reseal {0} --pcrs 7 --replace' binds it to the present state"},
    Hint{AdviceKind::widen_boot_window,
         "at the next boot, within the window, run 'sealmount reseal {0}' with a longer --boot-window"},
    Hint{AdviceKind::make_recovery_key, "'sealmount recovery-key {0}' makes one"},
    Hint{AdviceKind::suspend_one_boot, "'sealmount suspend' lets one boot pass whatever changes"},
    Hint{AdviceKind::suspend, "'sealmount suspend {0}' lets the next boot pass, whatever it measures"},
    Hint{AdviceKind::reseal_pin, "'sealmount reseal {0} --pin' with its PCRs seals it again; then 'sealmount "
                                 "prune {0} --slot' drops the "
                                 "old slot"},
    Hint{AdviceKind::reseal_without_pin, "'sealmount reseal {0} --pcrs 7' makes a slot without a PIN"},
    Hint{AdviceKind::reseal_next_boot, "'sealmount reseal {0} --next-boot' makes a slot for it"},
    Hint{AdviceKind::make_pcrlock_policy, "'systemd-pcrlock make-policy' allows what the next boot measures"},
    Hint{AdviceKind::sign_next_boot,
         "'sealmount predict --next-boot --json' shows the values, and 'sealmount "
         "sign-policy' signs them where the key is"},
    Hint{AdviceKind::run_check, "'sealmount check' shows more about it"},

    Hint{AdviceKind::fix_as_message_says, "fix what the message says"},
    Hint{AdviceKind::restore_key, "restore it from a backup, or enroll the volume again"},
    Hint{AdviceKind::fix_master_name, "write the right \"master\" into the manifest"},
    Hint{AdviceKind::fix_lower, "mount the file system that it is on, or fix \"lower\" in the manifest"},
    Hint{AdviceKind::free_mountpoint, "unmount it, or choose another mount point"},
    Hint{AdviceKind::move_file_away, "move it away, or choose another mount point"},
    Hint{AdviceKind::move_files_away,
         "move them away (if they are private: they are not encrypted), then into "
         "the mounted volume"},
    Hint{AdviceKind::make_mountpoint, "make it: 'mkdir -p {0} && chattr +i {0}'"},
    Hint{AdviceKind::guard_now, "while it is not mounted, run {2}", "chattr +i {}"},
    Hint{AdviceKind::comment_out_fstab,
         "when you have seen the volume open, 'sealmount import-fstab --comment-out' makes a comment of it"},
    Hint{AdviceKind::take_out_of_fstab, "take it out, or choose another mount point"},
    Hint{AdviceKind::reload_units,
         "run 'systemctl daemon-reload', and look at 'journalctl -b -t sealmount-generator -k'"},
    Hint{AdviceKind::purge_user_key, "run 'keyctl purge user {0}'"},
    Hint{AdviceKind::make_private, "run {2}", "chmod 600 {}"},
    Hint{AdviceKind::restore_ground, "mount the file system that belongs there; if the directory was moved "
                                     "on purpose, 'sealmount ground {0} "
                                     "--renew' records what is there now"},
    Hint{AdviceKind::record_ground, "run {2}", "sealmount ground {}"},
    Hint{AdviceKind::use_safe_mountpoint,
         "choose a mount point in directories that belong to root and nobody else can write to; in a user's "
         "home, one directly in it. Or give {1} to root: 'chown root: {1} && chmod go-w {1}'"},
    Hint{AdviceKind::guard_mountpoint,
         "make it immutable while it is not mounted: 'chattr +i {0}'; where its file system cannot do that, "
         "choose a mount point in directories of root"},
    Hint{AdviceKind::make_mountpoint_safe,
         "let the owner of {1} make it, or choose a mount point in directories of root"},
    Hint{AdviceKind::use_safe_lower,
         "move the lower directory into directories that belong to root and nobody else can write to, or "
         "give {1} to root or to the owner of the lower directory, who alone may write to it"},
    Hint{AdviceKind::use_path_without_links,
         "write the path without the symbolic link into /etc/sealmount/manifest.json"},
    Hint{AdviceKind::end_other_use, "end that first: two mounts of one lower directory lose files"},
    Hint{AdviceKind::separate_volumes,
         "choose directories that do not overlap, or run 'sealmount remove' for one"},
    Hint{AdviceKind::confirm_empty,
         "if a disk belongs there, mount it first; --empty says that the volume is to begin without files"},
    Hint{AdviceKind::mount_table_line, "run {2} first; --empty says that the directory below it is meant",
         "mount {}"},
    Hint{AdviceKind::mount_read_write, "{2} shows which, and how it is mounted", "findmnt -T {}"},

    Hint{AdviceKind::run_as_root, "run this as root"},
    Hint{AdviceKind::run_where_systemd_runs, "run this on the running system, with systemd"},
    Hint{AdviceKind::load_af_alg,
         "run 'modprobe -a algif_hash algif_skcipher'; a kernel without CONFIG_CRYPTO_USER_API_HASH and "
         "CONFIG_CRYPTO_USER_API_SKCIPHER cannot be asked"},

    Hint{AdviceKind::load_before_disabling,
         "restart the machine with what is missing in /etc/modules-load.d, which is loaded before "
         "kernel.modules_disabled is set"},
    Hint{AdviceKind::start_installed_kernel,
         "restart the machine into the kernel that is installed now, or install the modules of {1} again"},
    Hint{AdviceKind::boot_with_cipher, "run {2}; if it fails, boot a kernel that has the cipher",
         "modprobe crypto-{}"},
    Hint{AdviceKind::leave_fips_mode,
         "take fips=1 from the kernel's command line, or encrypt by other means"},
    Hint{AdviceKind::install_again, "install the package of sealmount again"},
    Hint{AdviceKind::look_at_unit, "run {2}, and fix what it shows", "systemd-analyze verify {}"},
    Hint{AdviceKind::unmask_unit, "run {2}", "systemctl unmask {}"},
    Hint{AdviceKind::unmask_until_boot, "run {2}", "systemctl unmask --runtime {}"},
    Hint{AdviceKind::remove_override,
         "if you did not mean that, remove {0} and run 'systemctl daemon-reload'"},
    Hint{AdviceKind::have_target_start,
         "the generator's drop-in 50-sealmount.conf of local-fs.target starts it, and 'systemctl cat "
         "local-fs.target' shows whether another file of that name takes its place: remove that and run "
         "'systemctl daemon-reload', or write \"noauto\": true into the manifest"},
    Hint{AdviceKind::list_jobs,
         "'systemctl list-jobs' shows what it waits for; check again when that is done"},
    Hint{AdviceKind::look_at_condition, "'systemctl cat {0}' shows where that is written; fix what it "
                                        "requires, or take it out, run 'systemctl "
                                        "daemon-reload', and start the volume"},
    Hint{AdviceKind::reset_failed_unit, "run {2}, then start the volume", "systemctl reset-failed {}"},
    Hint{AdviceKind::start_again, "'systemctl status {1}' shows why; run {2}", "systemctl start {}"},
    Hint{AdviceKind::mount_configuration_early, "keep it in the root file system, or give the line of {0} in "
                                                "/etc/fstab the option x-initrd.mount and "
                                                "make a new initrd, which has to run systemd"},
    Hint{AdviceKind::change_command_line, "take sealmount= from the boot loader's settings, and restart"},

    Hint{AdviceKind::enable_storage, "restart the machine, which enables it again; if it stays disabled, "
                                     "enable the storage (owner) hierarchy "
                                     "in the firmware setup"},
    Hint{AdviceKind::evict_locked_srk,
         "let the program that made it keep its key at another handle: after 'tpm2_evictcontrol -C o -c "
         "0x81000001' the next unlock makes the storage root key again"},
    Hint{AdviceKind::accept_new_tpm,
         "if the TPM was replaced or cleared, give --new-tpm (with 'sealmount reseal --recover', for a "
         "master key "
         "that exists); if not, type no passphrase and no PIN before you know what answers in its place"},
    Hint{AdviceKind::reseal_onto_new_tpm,
         "if the TPM was replaced or cleared, 'sealmount reseal {0} --recover --new-tpm' binds its volumes "
         "to this "
         "one; it asks for the recovery key or their passphrases; if not, something may answer in its place: "
         "type no passphrase and no PIN before you know what it is"},
    Hint{AdviceKind::persist_srk, "'sealmount reseal {0}' makes it persistent again"},

    Hint{AdviceKind::forbid_writing, "{2} fixes that", "chmod go-w {}"},
    Hint{AdviceKind::load_ecryptfs, "boot one with CONFIG_ECRYPT_FS, or run 'modprobe ecryptfs'"},
    Hint{AdviceKind::read_kernel_log, "the kernel's log ('dmesg') says more"},
    Hint{AdviceKind::show_keyrings, "'keyctl show' shows which"},
    Hint{AdviceKind::pass_credential,
         "run this as 'systemd-run --pipe --wait -p LoadCredential={0}:FILE sealmount ...'"},
    Hint{AdviceKind::make_srk_by_hand, "make the key at 0x81000001 with it ('tpm2_createprimary -P', "
                                       "'tpm2_evictcontrol -P'), or clear the TPM"},
    Hint{AdviceKind::renew_user_key, "drop it, and put it there again with 'ecryptfs-add-passphrase'"},
    Hint{AdviceKind::add_user_key, "put it there with 'ecryptfs-add-passphrase', as root"},
    Hint{AdviceKind::add_both_user_keys,
         "put both keys there with 'ecryptfs-add-passphrase --fnek', as root"},
    Hint{AdviceKind::name_filename_key,
         "name it with --filename-key SIG (that of the contents serves for both)"},
    Hint{AdviceKind::give_filename_fekek, "give it as well, with --filename-fekek-file FILE"},
    Hint{AdviceKind::give_filename_passphrase,
         "if they have a passphrase of their own, give it with --filename-passphrase-file FILE"},
    Hint{AdviceKind::choose_cipher, "--cipher and --key-bytes choose another one of these"},
    Hint{AdviceKind::update_pcrlock, "'systemd-pcrlock make-policy' brings it up to date"},
    Hint{AdviceKind::reseal_to_pcrlock, "'sealmount reseal --policy pcrlock' makes a slot for it"},
    Hint{AdviceKind::list_pcr_banks, "'tpm2_getcap pcrs' lists those that it keeps"},
    Hint{AdviceKind::sign_over_sha256, "'sealmount sign-policy' makes them"},
    Hint{AdviceKind::change_and_look,
         "make the change on the disk, and use --next-boot instead of naming it"},
    Hint{AdviceKind::name_changes, "name the changes yourself instead of --next-boot"},
    Hint{AdviceKind::give_phases, "name them with --phases"},
    Hint{AdviceKind::give_authority,
         "name the certificates of db that will verify the images, with --authority"},
    Hint{AdviceKind::give_database, "give the db that has it with --variable db=FILE"},
    Hint{AdviceKind::give_secure_boot, "give its new value (one byte, 1) with --variable SecureBoot=FILE"},
    Hint{AdviceKind::leave_attributes_out, "leave them out ('tail -c +5')"},
    Hint{AdviceKind::give_old_command_line, "give the present one with --old-command-line"},
    Hint{AdviceKind::give_new_digest, "give its digest with --replace-digest"},
    Hint{AdviceKind::reseal_after_boot, "run 'sealmount reseal' after that boot"},
    Hint{AdviceKind::prune_after_boot, "after that boot, run 'sealmount prune'"},
    Hint{AdviceKind::read_log_instead, "on another machine, believe a log with --log FILE"},
    Hint{AdviceKind::list_masters, "'sealmount list' shows which one each volume has"},
    Hint{AdviceKind::give_pin, "give its PIN, on a terminal or with --pin-file FILE"},
    Hint{AdviceKind::give_pin_file, "give it with --pin-file FILE, or choose another policy"},
    Hint{AdviceKind::give_recovery_key_file,
         "with --recovery-key-file FILE, its present recovery key makes a new one"},
    Hint{AdviceKind::show_on_terminal,
         "run this on one, or make a passphrase yourself and give it with --passphrase-file"},
    Hint{AdviceKind::inspect_lower, "inspect {0}, where its encrypted files are"},
    Hint{AdviceKind::name_encrypted_files, "name the directory with the encrypted files"},
    Hint{AdviceKind::inspect_with_rights, "inspect it as root, or as its owner"},
    Hint{AdviceKind::enroll_full_volume, "--generate is for an empty volume"},

    Hint{AdviceKind::prove_store,
         "'sealmount reseal {0}' does that, if the state of the machine is the right "
         "one"},
    Hint{AdviceKind::name_policy, "name what they are to be sealed to, with --pcrs or --policy"},
    Hint{AdviceKind::prune_unproven,
         "if that state is no longer needed, 'sealmount prune {0} --slot {1}' removes it"},
};

constexpr bool has_each_kind_once() {
    constexpr std::size_t kinds = static_cast<std::size_t>(last_advice) + 1;
    for (std::size_t kind = 0; kind < kinds; ++kind) {
        if (std::ranges::count(hints, static_cast<AdviceKind>(kind), &Hint::kind) != 1) {
            return false;
        }
    }
    return hints.size() == kinds;
}
static_assert(has_each_kind_once(), "an AdviceKind has no sentence, or two");

/// In single quotes where a shell would take one of its characters for its own.
std::string shell_word(const std::string_view text) {
    constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_";
    if (!text.empty() && text.find_first_not_of(plain) == std::string_view::npos) {
        return std::string{text};
    }
    std::string word = "'";
    for (const char c : text) {
        word += c == '\'' ? std::string_view{"'\\''"} : std::string_view{&c, 1};
    }
    return word + "'";
}

/// In the quotes of a sentence, which are others where the command has its own.
std::string quoted_command(const std::string_view command, const std::string_view subject) {
    const std::string word = shell_word(subject);
    const std::string whole = formatted_from(command, fmt::make_format_args(word));
    return whole.find('\'') == std::string::npos ? formatted("'{}'", whole) : formatted("\"{}\"", whole);
}

} // namespace

std::string hint_for(const Advice& advice) {
    const Hint& hint = *std::ranges::find(hints, advice.kind, &Hint::kind);
    const std::string command = hint.command.empty() ? "" : quoted_command(hint.command, advice.subject);
    return formatted_from(hint.text, fmt::make_format_args(advice.subject, advice.other, command));
}

std::string with_hint(const std::string& message, const Advice& advice) {
    const std::string hint = hint_for(advice);
    return hint.empty() ? message : formatted("{}; {}", message, hint);
}

std::string with_hint(const Error& error) {
    return with_hint(error.what(), error.advice());
}

std::string with_hint(const Problem& problem) {
    return with_hint(problem.message, problem.advice);
}

std::vector<std::string> with_hints(const std::vector<Problem>& problems) {
    std::vector<std::string> sentences;
    for (const Problem& problem : problems) {
        sentences.push_back(with_hint(problem));
    }
    return sentences;
}

std::string hint_for(const RefusalKind kind, const std::string_view master) {
    const std::string rebind =
        hint_for({.kind = AdviceKind::reseal_with_recovery, .subject = std::string{master}});
    switch (kind) {
    case RefusalKind::no_tpm:
        return "if this machine has a TPM, switch it on in the firmware setup and look at 'dmesg | grep -i "
               "tpm'";
    case RefusalKind::tpm_busy:
        return "find who holds it with 'fuser -v /dev/tpm0', and let that program use /dev/tpmrm0";
    case RefusalKind::tpm_full:
        return "'tpm2_getcap handles-transient' and 'tpm2_getcap handles-saved-session' show what others "
               "left in the "
               "TPM; 'tpm2_flushcontext --saved-session' or a restart of the machine clears it";
    case RefusalKind::tpm_failed:
        return "look at 'dmesg | grep -i tpm'; then 'systemctl start' the mount again";
    case RefusalKind::tpm_lockout:
        return "wait until it ends ('tpm2_getcap properties-variable'), or clear it with "
               "'tpm2_dictionarylockout --clear-lockout'";
    case RefusalKind::policy_mismatch:
        return "if you did not update firmware, boot loader or Secure Boot keys, find out who did; else " +
               rebind;
    case RefusalKind::srk_missing:
    case RefusalKind::srk_changed:
        return hint_for({.kind = AdviceKind::reseal_onto_new_tpm, .subject = std::string{master}});
    case RefusalKind::object_rejected:
        return rebind;
    case RefusalKind::srk_locked:
        return hint_for({.kind = AdviceKind::evict_locked_srk});
    case RefusalKind::storage_disabled:
        return hint_for({.kind = AdviceKind::enable_storage});
    case RefusalKind::pin_needed:
    case RefusalKind::pin_wrong:
        return "'systemctl start' the mount again to be asked for the PIN again";
    case RefusalKind::pcr_changed:
    case RefusalKind::unseal_failed:
        return "'systemctl start' the mount again";
    case RefusalKind::key_type_absent:
        return "'sealmount check' says which; boot a kernel that has it, or load the modules trusted and "
               "encrypted-keys";
    case RefusalKind::ground_changed:
        return "mount the file system that belongs there and 'systemctl start' the mount again; if the "
               "directory was "
               "moved on purpose, 'sealmount ground --renew' records what is there now";
    case RefusalKind::place_unsafe:
        return "'sealmount check' says how to make it safe; then 'systemctl start' the mount again";
    case RefusalKind::lower_in_use:
        return "end the other use, and 'systemctl start' the mount again";
    case RefusalKind::text_rejected:
    case RefusalKind::store_changed:
    case RefusalKind::files_unusable:
        return "restore /etc/sealmount from a backup; or " + rebind;
    case RefusalKind::no_prompt:
    case RefusalKind::prompt_timeout:
    case RefusalKind::prompt_cancelled:
    case RefusalKind::passphrase_wrong:
        return "'systemctl start' the mount again to be asked again";
    }
    return "";
}

std::vector<std::string> explain(const MasterRefusal& refusal, const std::string_view master,
                                 const std::vector<Problem>& differences) {
    std::vector<std::string> lines{
        formatted("the master key \"{}\" was not released: {}", master, with_detail(refusal))};
    for (const SlotRefusal& slot : refusal.slots) {
        if (slot.kind != RefusalKind::policy_mismatch) {
            continue; // the cause says it
        }
        for (std::string& line : with_hints(lines_about(slot))) {
            lines.push_back(std::move(line));
        }
    }
    for (std::string& line : with_hints(differences)) {
        lines.push_back(std::move(line));
    }
    if (const std::string hint = hint_for(refusal.kind, master); !hint.empty()) {
        lines.push_back("next: " + hint);
    }
    return lines;
}

} // namespace sealmount
