// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/check/check.hpp"

#include "base/hex.hpp"
#include "core/check/check_slots.hpp"
#include "core/check/check_volume.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "core/master/master_form.hpp"
#include "sys/host/kernel_features.hpp"

#include <algorithm>
#include <set>

namespace sealmount {

namespace {

Finding good(std::string about, std::string item, std::string words) {
    return {std::move(about), std::move(item), Severity::good, std::move(words), {}};
}

/// A finding about something that could not even be looked at.
Finding accident(std::string about, std::string item, const Error& error, std::string mend) {
    return {std::move(about), std::move(item), Severity::bad, error.what(), std::move(mend)};
}

void check_kernel(const CheckContext& context, std::vector<Finding>& findings, const bool trusted_demanded) {
    const auto form = kernel_form(context.machine.keyring);
    if (!form) {
        findings.push_back({"kernel", "key-types", Severity::bad, "this kernel has no encrypted keys",
                            "boot a kernel with CONFIG_ENCRYPTED_KEYS, or run 'modprobe encrypted-keys'"});
    } else if (*form == MasterForm::trusted) {
        findings.push_back(good("kernel", "key-types", "has trusted and encrypted keys"));
    } else {
        findings.push_back(
            {"kernel", "key-types", trusted_demanded ? Severity::bad : Severity::good,
             "has no trusted keys that encrypted keys could use: master keys come in as user keys",
             trusted_demanded
                 ? "boot a kernel with CONFIG_TRUSTED_KEYS (run 'modprobe trusted' where it is a "
                   "module), or take \"form\": \"trusted\" out of the manifest"
                 : ""});
    }
    if (kernel_has_ecryptfs()) {
        findings.push_back(good("kernel", "ecryptfs", "has eCryptfs"));
    } else {
        findings.push_back(
            {"kernel", "ecryptfs", Severity::bad, "this kernel has no eCryptfs",
             "boot a kernel with CONFIG_ECRYPT_FS, or install its module: Debian's cloud kernels "
             "have none"});
    }
}

void check_lockout(Tpm& tpm, std::vector<Finding>& findings) {
    const LockoutState state = tpm.lockout();
    const std::string tries =
        std::to_string(state.failed_tries) + " of " + std::to_string(state.allowed_tries) + " failed tries";
    if (!state.locked && state.failed_tries == 0) {
        findings.push_back(good("tpm", "lockout", "is not in lockout, no failed tries"));
        return;
    }
    std::string words = state.locked ? "is in dictionary-attack lockout (" + tries + ")"
                                     : "remembers " + tries + " of its dictionary-attack protection";
    if (state.recovery_seconds > 0) {
        const std::uint64_t per_try = state.recovery_seconds;
        const std::uint64_t seconds = state.locked && state.failed_tries >= state.allowed_tries
                                          ? per_try * (state.failed_tries - state.allowed_tries + 1)
                                          : per_try * state.failed_tries;
        words += std::string{state.locked ? "; it ends" : "; they are forgiven"} + " in " +
                 std::to_string(seconds) + " seconds at the latest";
    }
    findings.push_back({"tpm", "lockout", Severity::warning,
                        words + ". Volumes open all the same: their sealed objects are not subject to it",
                        "find out which program guesses; 'tpm2_dictionarylockout --clear-lockout' ends it"});
}

/// Who is in the way on the raw device, and what was left there. The managed device shows neither.
void check_raw_device(const CheckContext& context, std::vector<Finding>& findings,
                      const bool trusted_demanded) {
    const auto raw = context.machine.tpm.open(TpmAccess::raw);
    if (!raw) {
        std::string words = "the raw device cannot be opened: " + with_detail(raw.error());
        for (const std::string& holder : context.machine.tpm.holders()) {
            words += ", held by " + holder;
        }
        findings.push_back({"tpm", "raw-device", trusted_demanded ? Severity::bad : Severity::warning, words,
                            "let that program use /dev/tpmrm0; until then master keys come in as user keys"});
        return;
    }
    const TpmRoom room = (*raw)->room();
    if (room.objects == 0 && room.loaded_sessions == 0) {
        findings.push_back(good("tpm", "raw-device", "is free, and nothing was left in the TPM"));
    } else {
        findings.push_back({"tpm", "raw-device", Severity::warning,
                            "others left " + std::to_string(room.objects) + " objects and " +
                                std::to_string(room.loaded_sessions) + " sessions in the TPM",
                            "the next unlock drops them if it needs the room; 'tpm2_flushcontext "
                            "--transient-object --loaded-session --tcti device:/dev/tpm0' does so now"});
    }
}

/// Nothing more about the TPM can be looked at when this returns nullptr.
std::unique_ptr<Tpm> check_tpm(const CheckContext& context, std::vector<Finding>& findings,
                               const bool trusted_demanded) {
    auto tpm = open_tpm(context.machine.tpm, TpmAccess::managed, context.machine.backoff);
    if (!tpm) {
        const bool late = tpm.error().kind == RefusalKind::no_tpm && context.machine.tpm.is_announced();
        findings.push_back({"tpm", "present", Severity::bad,
                            with_detail(tpm.error()) + (late ? ", though the firmware speaks of one" : ""),
                            late ? "look at 'dmesg | grep -i tpm' and load its driver"
                                 : "if this machine has one, switch it on in the firmware set-up"});
        return nullptr;
    }
    findings.push_back(good("tpm", "present", "is there"));
    try {
        check_lockout(**tpm, findings);
        if (context.is_this_machine) {
            check_raw_device(context, findings, trusted_demanded);
        }
    } catch (const Error& error) {
        findings.push_back(accident("tpm", "works", error, "look at 'dmesg | grep -i tpm'"));
        return nullptr;
    }
    return std::move(*tpm);
}

std::string policy_mend(const std::string& name) {
    return "if nobody changed the boot chain but you, 'sealmount reseal " + name +
           " --recover' binds its volumes to the present state; it asks for the recovery key or their "
           "passphrases";
}

void add_mismatches(const std::string& about, const MasterRefusal& refusal, std::vector<Finding>& findings) {
    for (const SlotRefusal& slot : refusal.slots) {
        if (slot.kind != RefusalKind::policy_mismatch) {
            continue; // told as a whole
        }
        for (std::string& line : lines_about(slot)) {
            findings.push_back({about, "policy", Severity::bad, std::move(line),
                                policy_mend(about.substr(about.find(' ') + 1))});
        }
    }
}

/// The master key, when the TPM releases it now.
std::optional<SecretBytes> check_master(const CheckContext& context, Tpm* const tpm, const std::string& name,
                                        const std::vector<Volume>& volumes, std::vector<Finding>& findings) {
    const std::string about = "master " + name;
    try {
        const MasterFile master = context.store.master(name);
        check_privacy(context.store.paths().master(name), about, findings);
        check_recovery_key(name, master, volumes, findings);
        if (tpm == nullptr) {
            return std::nullopt; // told already
        }
        check_slots(context.store.paths(), name, master, *tpm, findings);
        auto unsealed = unseal_master(*tpm, {master, context.store.policy_files()}, context.machine.backoff);
        if (!unsealed) {
            add_mismatches(about, unsealed.error(), findings);
            if (unsealed.error().kind != RefusalKind::policy_mismatch) {
                findings.push_back({about, "unseal", Severity::bad,
                                    with_detail({unsealed.error().kind, unsealed.error().detail}),
                                    policy_mend(name)});
            }
            return std::nullopt;
        }
        findings.push_back(good(about, "unseal",
                                "the TPM releases it now (slot " + std::to_string(unsealed->slot) + " of " +
                                    std::to_string(master.slots.size()) + ")"));
        return std::move(unsealed->key);
    } catch (const Error& error) {
        findings.push_back(accident(about, "file", error,
                                    "restore " + context.store.paths().configuration().string() +
                                        " from a backup, or enroll its volumes again"));
        return std::nullopt;
    }
}

} // namespace

const char* to_string(const Severity severity) noexcept {
    switch (severity) {
    case Severity::good:
        return "good";
    case Severity::warning:
        return "warning";
    case Severity::bad:
        return "bad";
    }
    return "";
}

std::vector<Finding> check(const CheckContext& context, const std::optional<std::string>& name) {
    std::vector<Finding> findings;
    std::vector<Volume> volumes;
    if (name) {
        volumes.push_back(context.store.volume(*name));
    } else {
        const Manifest manifest = context.store.manifest();
        volumes = manifest.volumes;
        for (const Error& problem : manifest.problems) {
            findings.push_back({"manifest", "volume", Severity::bad,
                                context.store.paths().manifest().string() + ": " + problem.what(),
                                "mend that place; sealmount-manifest(5) says what may stand there"});
        }
    }
    if (volumes.empty()) {
        return findings;
    }
    const bool trusted_demanded =
        std::ranges::any_of(volumes, [](const Volume& v) { return v.form == FormChoice::trusted; });
    if (context.is_this_machine) {
        check_kernel(context, findings, trusted_demanded);
    }
    const std::unique_ptr<Tpm> tpm = check_tpm(context, findings, trusted_demanded);
    std::set<std::string> masters;
    std::ranges::for_each(volumes, [&](const Volume& volume) { masters.insert(volume.master); });
    for (const std::string& master : masters) {
        const auto key = check_master(context, tpm.get(), master, volumes, findings);
        for (const Volume& volume : volumes) {
            if (volume.master == master) {
                check_volume(context, volume, key ? &*key : nullptr, findings);
            }
        }
    }
    return findings;
}

} // namespace sealmount
