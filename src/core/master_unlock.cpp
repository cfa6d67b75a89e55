// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/master_unlock.hpp"

#include "base/error.hpp"
#include "base/hex.hpp"
#include "core/tpm_key.hpp"

#include <map>

namespace sealmount {

namespace {

/// The refusal of a whole master key from those of its slots: the one that needs a person most decides.
MasterRefusal summary(std::vector<SlotRefusal> slots) {
    MasterRefusal refusal{.kind = RefusalKind::policy_mismatch, .detail = {}, .slots = std::move(slots)};
    for (const SlotRefusal& slot : refusal.slots) {
        if (slot.kind != RefusalKind::policy_mismatch) {
            refusal.kind = slot.kind;
            refusal.detail = slot.detail;
            return refusal;
        }
    }
    if (refusal.slots.empty()) {
        refusal.kind = RefusalKind::files_unusable;
        refusal.detail = "the master key has no slot";
    }
    return refusal;
}

SlotRefusal slot_refusal(const Slot& slot, Refusal refusal) {
    return {.slot = slot.id,
            .kind = refusal.kind,
            .detail = std::move(refusal.detail),
            .bank = slot.policy.bank,
            .mismatches = {}};
}

/// Why the SRK's handle cannot have opened this master's objects, or nothing.
std::optional<Refusal> complaint_about_srk(Tpm& tpm, const MasterFile& master) {
    const std::expected<TpmName, Refusal> name = tpm.srk_name();
    if (!name) {
        return name.error();
    }
    if (*name != master.srk_name) {
        return Refusal{RefusalKind::srk_changed,
                       "expected the key " + to_hex(master.srk_name) + ", found " + to_hex(*name)};
    }
    return std::nullopt;
}

/// Something failed that should not have. Was it a race that another try may win?
std::expected<void, SlotRefusal> explain(Tpm& tpm, const MasterFile& master, const Slot& slot, Refusal cause,
                                         std::uint32_t& update_counter) {
    if (auto complaint = complaint_about_srk(tpm, master)) {
        return std::unexpected{slot_refusal(slot, std::move(*complaint))};
    }
    const PcrReading now = tpm.read_pcrs(slot.policy.selection());
    if (std::vector<PcrMismatch> mismatches = compare(slot.policy, now.values); !mismatches.empty()) {
        SlotRefusal refusal = slot_refusal(slot, {RefusalKind::policy_mismatch, {}});
        refusal.mismatches = std::move(mismatches);
        return std::unexpected{std::move(refusal)};
    }
    const bool race = cause.kind == RefusalKind::pcr_changed || now.update_counter != update_counter;
    update_counter = now.update_counter;
    if (!race) {
        if (cause.kind == RefusalKind::unseal_failed) {
            cause.kind = RefusalKind::object_rejected;
        }
        return std::unexpected{slot_refusal(slot, std::move(cause))};
    }
    return {};
}

/// Repeats `attempt` on a slot while PCR extensions by others get in its way.
template<typename Result, typename Attempt>
std::expected<Result, SlotRefusal> with_retries(Tpm& tpm, const MasterFile& master, const Slot& slot,
                                                std::uint32_t update_counter, const Pause& pause,
                                                const Attempt& attempt) {
    for (unsigned tried = 1;; ++tried) {
        std::expected<Result, Refusal> result = attempt();
        if (result) {
            return std::move(*result);
        }
        const RefusalKind kind = result.error().kind;
        if (kind == RefusalKind::key_type_absent || kind == RefusalKind::tpm_lockout ||
            kind == RefusalKind::tpm_failed) {
            return std::unexpected{slot_refusal(slot, std::move(result.error()))};
        }
        if (auto verdict = explain(tpm, master, slot, std::move(result.error()), update_counter); !verdict) {
            return std::unexpected{std::move(verdict.error())};
        }
        if (tried == unseal_tries) {
            return std::unexpected{
                slot_refusal(slot, {RefusalKind::pcr_changed,
                                    "PCRs kept changing during " + std::to_string(tried) + " tries"})};
        }
        pause(tried);
    }
}

/// Goes through the fitting slots until one opens.
template<typename Open>
auto first_open_slot(Tpm& tpm, const MasterFile& master, const Open& open)
    -> std::expected<typename decltype(open(std::declval<const Slot&>(), 0U))::value_type, MasterRefusal> {
    SlotChoice choice = choose_slots(tpm, master);
    for (const Slot* const slot : choice.fitting) {
        auto opened = open(*slot, choice.pcr_update_counter);
        if (opened) {
            return std::move(*opened);
        }
        choice.refused.push_back(std::move(opened.error()));
    }
    // Without this a cleared TPM, whose PCRs may well differ, would pass for a mere change of PCRs.
    if (auto complaint = complaint_about_srk(tpm, master)) {
        return std::unexpected{MasterRefusal{complaint->kind, complaint->detail, std::move(choice.refused)}};
    }
    return std::unexpected{summary(std::move(choice.refused))};
}

} // namespace

std::expected<std::unique_ptr<Tpm>, Refusal> open_tpm(TpmOpener& opener, const TpmAccess access,
                                                      const Pause& pause) {
    for (unsigned tried = 1;; ++tried) {
        auto tpm = opener.open(access);
        if (tpm || tpm.error().kind != RefusalKind::tpm_busy || tried == open_tries) {
            return tpm;
        }
        pause(tried);
    }
}

SlotChoice choose_slots(Tpm& tpm, const MasterFile& master) {
    std::map<PcrBank, PcrMask> wanted;
    for (const Slot& slot : master.slots) {
        wanted[slot.policy.bank] |= slot.policy.selection().mask;
    }
    SlotChoice choice;
    std::map<PcrBank, PcrValues> present;
    for (const auto& [bank, mask] : wanted) {
        PcrReading reading = tpm.read_pcrs({bank, mask});
        if (present.empty()) {
            choice.pcr_update_counter = reading.update_counter;
        }
        present.emplace(bank, std::move(reading.values));
    }
    for (const Slot& slot : master.slots) {
        std::vector<PcrMismatch> mismatches = compare(slot.policy, present[slot.policy.bank]);
        if (mismatches.empty()) {
            choice.fitting.push_back(&slot);
        } else {
            SlotRefusal refusal = slot_refusal(slot, {RefusalKind::policy_mismatch, {}});
            refusal.mismatches = std::move(mismatches);
            choice.refused.push_back(std::move(refusal));
        }
    }
    return choice;
}

std::expected<unsigned, MasterRefusal> load_trusted_master(Tpm& tpm, Keyring& keyring,
                                                           const std::string_view name,
                                                           const MasterFile& master, const Pause& pause) {
    return first_open_slot(tpm, master, [&](const Slot& slot, const std::uint32_t counter) {
        const std::vector<std::byte> blob = write_tpm_key(slot.sealed);
        const auto attempt = [&]() -> std::expected<unsigned, Refusal> {
            const std::unique_ptr<PolicySession> session = tpm.start_policy_session(slot.policy.selection());
            if (auto loaded = keyring.load_trusted_master(name, blob, session->handle()); !loaded) {
                return std::unexpected{std::move(loaded.error())};
            }
            return slot.id;
        };
        return with_retries<unsigned>(tpm, master, slot, counter, pause, attempt);
    });
}

LoadedMaster::~LoadedMaster() {
    try {
        keyring_.drop_master(name_);
    } catch (const Error&) { // NOLINT(bugprone-empty-catch): the process's own keyring ends with the process
    }
}

std::expected<SecretBytes, MasterRefusal> unseal_master(Tpm& tpm, const MasterFile& master,
                                                        const Pause& pause) {
    return first_open_slot(tpm, master, [&](const Slot& slot, const std::uint32_t counter) {
        return with_retries<SecretBytes>(tpm, master, slot, counter, pause,
                                         [&] { return tpm.unseal(slot.sealed, slot.policy.selection()); });
    });
}

} // namespace sealmount
