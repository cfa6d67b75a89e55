// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/output/hints.hpp"

namespace sealmount {

namespace {

std::string rebind(const std::string_view master) {
    return "'sealmount reseal " + std::string{master} +
           " --recover' binds its volumes to the present state; it asks for the recovery key or their "
           "passphrases";
}

} // namespace

std::string hint_for(const Advice& advice) {
    switch (advice.kind) {
    case AdviceKind::none:
        return "";
    case AdviceKind::reseal_with_recovery:
        return rebind(advice.subject);
    }
    return "";
}

std::string hint_for(const RefusalKind kind, const std::string_view master) {
    switch (kind) {
    case RefusalKind::no_tpm:
        return "if this machine has a TPM, switch it on in the firmware set-up and look at 'dmesg | grep -i "
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
               rebind(master);
    case RefusalKind::srk_missing:
    case RefusalKind::srk_changed:
    case RefusalKind::object_rejected:
        return rebind(master);
    case RefusalKind::pin_needed:
    case RefusalKind::pin_wrong:
        return "'systemctl start' the mount again to be asked for the PIN again";
    case RefusalKind::pcr_changed:
    case RefusalKind::unseal_failed:
        return "'systemctl start' the mount again";
    case RefusalKind::key_type_absent:
        return "'sealmount check' says which; boot a kernel that has it, or load the modules trusted and "
               "encrypted-keys";
    case RefusalKind::text_rejected:
    case RefusalKind::files_unusable:
        return "restore /etc/sealmount from a backup; or " + rebind(master);
    case RefusalKind::no_prompt:
    case RefusalKind::prompt_timeout:
    case RefusalKind::prompt_cancelled:
    case RefusalKind::passphrase_wrong:
        return "'systemctl start' the mount again to be asked again";
    }
    return "";
}

std::vector<std::string> explain(const MasterRefusal& refusal, const std::string_view master,
                                 const std::vector<std::string>& differences) {
    std::string cause = std::string{"the master key \""} + std::string{master} +
                        "\" was not released: " + describe(refusal.kind);
    if (!refusal.detail.empty()) {
        cause += " (" + refusal.detail + ")";
    }
    std::vector<std::string> lines{std::move(cause)};
    for (const SlotRefusal& slot : refusal.slots) {
        if (slot.kind != RefusalKind::policy_mismatch) {
            continue; // the cause says it
        }
        for (std::string& line : lines_about(slot)) {
            lines.push_back(std::move(line));
        }
    }
    lines.insert(lines.end(), differences.begin(), differences.end());
    if (std::string hint = hint_for(refusal.kind, master); !hint.empty()) {
        lines.push_back("next: " + hint);
    }
    return lines;
}

} // namespace sealmount
