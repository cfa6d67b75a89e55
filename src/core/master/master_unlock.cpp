// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/master/master_unlock.hpp"

#include "base/format.hpp"
#include "core/master/tpm_key.hpp"
#include "sys/tpm/object_demands.hpp"
#include "sys/tpm/srk_name.hpp"

#include <algorithm>
#include <utility>

namespace sealmount {

namespace {

/// The refusal of a whole master key from those of its slots: the one that needs a person most decides.
MasterRefusal summary(std::vector<SlotRefusal> slots) {
    MasterRefusal refusal{.slots = std::move(slots)};
    const bool is_changed = std::ranges::find(refusal.slots, RefusalKind::store_changed,
                                              &SlotRefusal::kind) != refusal.slots.end();
    for (const SlotRefusal& slot : refusal.slots) {
        if (is_changed ? slot.kind == RefusalKind::store_changed
                       : slot.kind != RefusalKind::policy_mismatch) {
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
    return {.slot = slot.id, .kind = refusal.kind, .detail = std::move(refusal.detail)};
}

SlotRefusal slot_refusal(const Slot& slot, PolicyProblem problem) {
    return {.slot = slot.id,
            .mismatches = std::move(problem.mismatches),
            .reasons = std::move(problem.reasons),
            .events = slot.events};
}

/// The tries on one slot, while PCR extensions and leftovers of others get in the way.
class SlotTries {
  public:
    SlotTries(Tpm& tpm, const TpmAccess access, const UnsealRequest& request, const FittingSlot& fitting,
              const std::uint32_t update_counter)
        : tpm_(tpm), access_(access), request_(request), slot_(*fitting.slot), steps_(fitting.steps),
          update_counter_(update_counter) {}

    /// `attempt` gets the steps, which may be others in a second try.
    template<typename Result, typename Attempt>
    std::expected<Result, SlotRefusal> run(const Backoff& backoff, const Attempt& attempt) {
        for (unsigned tried = 1;; ++tried) {
            std::expected<Result, Refusal> result = attempt(steps_);
            if (result) {
                return std::move(*result);
            }
            if (auto again = may_try_again(std::move(result.error())); !again) {
                return std::unexpected{std::move(again.error())};
            }
            if (tried == unseal_tries) {
                return std::unexpected{slot_refusal(
                    slot_, Refusal{.kind = RefusalKind::pcr_changed,
                                   .detail = formatted("PCRs kept changing during {} tries", tried)})};
            }
            backoff(tried);
        }
    }

  private:
    [[nodiscard]] std::unexpected<SlotRefusal> refuse(Refusal refusal) const {
        return std::unexpected{slot_refusal(slot_, std::move(refusal))};
    }

    /// Something failed that should not have. Is another try worth it?
    std::expected<void, SlotRefusal> may_try_again(Refusal cause) {
        if (cause.kind == RefusalKind::key_type_absent || cause.kind == RefusalKind::tpm_lockout ||
            cause.kind == RefusalKind::tpm_failed || cause.kind == RefusalKind::pin_wrong ||
            cause.kind == RefusalKind::srk_locked || cause.kind == RefusalKind::srk_changed ||
            cause.kind == RefusalKind::store_changed || cause.kind == RefusalKind::text_rejected) {
            return refuse(std::move(cause));
        }
        if (dropped_leftovers(cause)) {
            return {};
        }
        if (cause.kind == RefusalKind::tpm_full) {
            return refuse(std::move(cause));
        }
        if (auto problem = problem_with_srk(tpm_, request_.file)) {
            return refuse(std::move(*problem));
        }
        if (auto raced = plan_again(cause); !raced || *raced) {
            return raced ? std::expected<void, SlotRefusal>{} : std::unexpected{std::move(raced.error())};
        }
        if (cause.kind == RefusalKind::unseal_failed && slot_.policy.pin) {
            // The kernel cannot distinguish a wrong PIN, which the TPM counts.
            cause = {.kind = tpm_.lockout().locked ? RefusalKind::tpm_lockout : RefusalKind::pin_wrong,
                     .detail = {}};
        } else if (cause.kind == RefusalKind::unseal_failed) {
            cause.kind = why_not_loaded();
        }
        return refuse(std::move(cause));
    }

    /// The kernel says only that it failed. When userspace loads the object, without a step of its policy, it
    /// shows whether the key above it refuses.
    RefusalKind why_not_loaded() {
        const auto loaded = tpm_.unseal(request_.file.srk_name, slot_.sealed, {});
        const bool is_locked = !loaded && loaded.error().kind == RefusalKind::srk_locked;
        return is_locked ? RefusalKind::srk_locked : RefusalKind::object_rejected;
    }

    /// Plans the steps for the state as it is now. Was the failure a race with a PCR extension? A refusal
    /// when the policy does not hold any more.
    std::expected<bool, SlotRefusal> plan_again(const Refusal& cause) {
        PolicyNeeds needs;
        add_needs(slot_.policy, request_.files, needs);
        const SystemState now = read_state(tpm_, needs);
        auto steps = plan(slot_.policy, now, request_.files);
        if (!steps) {
            return std::unexpected{slot_refusal(slot_, std::move(steps.error()))};
        }
        const bool race = cause.kind == RefusalKind::pcr_changed || now.pcr_update_counter != update_counter_;
        update_counter_ = now.pcr_update_counter;
        steps_ = std::move(*steps);
        return race;
    }

    /// Was the TPM full of what others left, or may it have been (the kernel does not say), and is there room
    /// again?
    bool dropped_leftovers(const Refusal& cause) {
        const bool may_be_full =
            cause.kind == RefusalKind::tpm_full || cause.kind == RefusalKind::unseal_failed;
        if (access_ != TpmAccess::raw || !may_be_full || looked_for_leftovers_) {
            return false;
        }
        looked_for_leftovers_ = true;
        return tpm_.drop_leftovers() > 0;
    }

    Tpm& tpm_;
    TpmAccess access_;
    const UnsealRequest& request_;
    const Slot& slot_;
    PolicySteps steps_;
    std::uint32_t update_counter_;
    bool looked_for_leftovers_ = false;
};

/// Goes through the fitting slots until one opens.
template<typename Open>
auto first_open_slot(Tpm& tpm, const UnsealRequest& request, const Open& open)
    -> std::expected<typename decltype(open(std::declval<const FittingSlot&>(), 0U))::value_type,
                     MasterRefusal> {
    SlotChoice choice = choose_slots(tpm, request);
    for (const FittingSlot& fitting : choice.fitting) {
        if (fitting.slot->policy.pin && request.pin == nullptr) {
            choice.refused.push_back(
                slot_refusal(*fitting.slot, Refusal{.kind = RefusalKind::pin_needed, .detail = {}}));
            continue;
        }
        auto opened = open(fitting, choice.state.pcr_update_counter);
        if (opened) {
            return std::move(*opened);
        }
        choice.refused.push_back(std::move(opened.error()));
    }
    // Without this a cleared TPM, whose PCRs may well differ, would pass for a mere change of PCRs.
    if (auto problem = problem_with_srk(tpm, request.file)) {
        return std::unexpected{MasterRefusal{
            .kind = problem->kind, .detail = std::move(problem->detail), .slots = std::move(choice.refused)}};
    }
    return std::unexpected{summary(std::move(choice.refused))};
}

bool is_evicted(const RefusalKind kind, Tpm& tpm, const MasterFile& master) {
    return kind == RefusalKind::srk_missing && tpm.use_primary(master.srk_name);
}

std::expected<unsigned, MasterRefusal> load_under_srk(Tpm& tpm, Keyring& keyring, const std::string_view name,
                                                      const UnsealRequest& request, const Backoff& backoff) {
    return first_open_slot(tpm, request, [&](const FittingSlot& fitting, const std::uint32_t counter) {
        const Slot& slot = *fitting.slot;
        const std::vector<std::byte> blob = write_tpm_key(slot.sealed);
        const auto attempt = [&](const PolicySteps& steps) -> std::expected<unsigned, Refusal> {
            const auto session = tpm.start_policy_session(steps);
            if (!session) {
                return std::unexpected{session.error()};
            }
            if (auto loaded = keyring.load_trusted_master(name, blob, (*session)->handle(),
                                                          slot.policy.pin ? request.pin : nullptr);
                !loaded) {
                return std::unexpected{std::move(loaded.error())};
            }
            if (auto problem = request.problem ? request.problem(nullptr) : std::nullopt) {
                keyring.drop_master(name);
                return std::unexpected{std::move(*problem)};
            }
            return slot.id;
        };
        return SlotTries{tpm, TpmAccess::raw, request, fitting, counter}.run<unsigned>(backoff, attempt);
    });
}

std::expected<UnsealedMaster, MasterRefusal> unseal_under_srk(Tpm& tpm, const UnsealRequest& request,
                                                              const Backoff& backoff) {
    return first_open_slot(tpm, request, [&](const FittingSlot& fitting, const std::uint32_t counter) {
        const Slot& slot = *fitting.slot;
        const auto attempt = [&](const PolicySteps& steps) -> std::expected<UnsealedMaster, Refusal> {
            auto key = tpm.unseal(request.file.srk_name, slot.sealed, steps,
                                  slot.policy.pin ? request.pin : nullptr);
            if (!key) {
                return std::unexpected{std::move(key.error())};
            }
            if (auto problem = request.problem ? request.problem(&*key) : std::nullopt) {
                return std::unexpected{std::move(*problem)};
            }
            return UnsealedMaster{.slot = slot.id, .key = std::move(*key)};
        };
        return SlotTries{tpm, TpmAccess::managed, request, fitting, counter}.run<UnsealedMaster>(backoff,
                                                                                                 attempt);
    });
}

} // namespace

bool is_sealed_to_its_policy(const Slot& slot) {
    const auto demands = demands_of(slot.sealed);
    try {
        return demands && demands->only_by_policy() && demands->policy == policy_digest(slot.policy);
    } catch (const Error&) {
        return false; // what has no digest cannot have been sealed to
    }
}

std::optional<Refusal> problem_with_srk(Tpm& tpm, const MasterFile& master) {
    std::expected<TpmName, Refusal> name = tpm.srk_name();
    if (!name) {
        const bool is_hidden = name.error().kind == RefusalKind::srk_missing && !tpm.has_storage();
        return is_hidden ? Refusal{.kind = RefusalKind::storage_disabled, .detail = {}}
                         : std::move(name.error());
    }
    if (*name != master.srk_name) {
        return another_srk(master.srk_name, *name);
    }
    return std::nullopt;
}

std::expected<std::unique_ptr<Tpm>, Refusal> open_tpm(TpmOpener& opener, const TpmAccess access,
                                                      const Backoff& backoff) {
    for (unsigned tried = 1;; ++tried) {
        auto tpm = opener.open(access);
        if (tpm || tpm.error().kind != RefusalKind::tpm_busy) {
            return tpm;
        }
        if (tried == open_tries) {
            for (const std::string& holder : opener.holders()) {
                tpm.error().detail += formatted(", held by {}", holder);
            }
            return tpm;
        }
        backoff(tried);
    }
}

std::unique_ptr<Tpm> open_managed_tpm(TpmOpener& opener, const Backoff& backoff) {
    auto tpm = open_tpm(opener, TpmAccess::managed, backoff);
    if (!tpm) {
        throw Error{Reason::unavailable, with_detail(tpm.error())};
    }
    return std::move(*tpm);
}

SlotChoice choose_slots(Tpm& tpm, const UnsealRequest& request) {
    PolicyNeeds needs;
    for (const Slot& slot : request.file.slots) {
        add_needs(slot.policy, request.files, needs);
    }
    SlotChoice choice{.fitting = {}, .refused = {}, .state = read_state(tpm, needs)};
    for (const Slot& slot : request.file.slots) {
        if (!is_sealed_to_its_policy(slot)) {
            choice.refused.push_back(
                slot_refusal(slot, Refusal{.kind = RefusalKind::files_unusable,
                                           .detail = "its object is sealed to another policy than the file "
                                                     "says"}));
            continue;
        }
        if (auto steps = plan(slot.policy, choice.state, request.files)) {
            choice.fitting.push_back({.slot = &slot, .steps = std::move(*steps)});
        } else {
            choice.refused.push_back(slot_refusal(slot, std::move(steps.error())));
        }
    }
    return choice;
}

bool restore_srk(Tpm& tpm) {
    try {
        static_cast<void>(tpm.make_srk());
        return true;
    } catch (const Error&) {
        return false; // it can still be used in userspace
    }
}

std::expected<unsigned, MasterRefusal> load_trusted_master(Tpm& tpm, Keyring& keyring,
                                                           const std::string_view name,
                                                           const UnsealRequest& request,
                                                           const Backoff& backoff) {
    auto loaded = load_under_srk(tpm, keyring, name, request, backoff);
    if (!loaded && is_evicted(loaded.error().kind, tpm, request.file) && restore_srk(tpm)) {
        return load_under_srk(tpm, keyring, name, request, backoff);
    }
    return loaded;
}

LoadedMaster::~LoadedMaster() {
    try {
        keyring_.drop_master(name_);
    } catch (const Error&) { // NOLINT(bugprone-empty-catch): the process's own keyring ends with the process
    }
}

std::expected<UnsealedMaster, MasterRefusal> unseal_master(Tpm& tpm, const UnsealRequest& request,
                                                           const Backoff& backoff) {
    auto unsealed = unseal_under_srk(tpm, request, backoff);
    if (!unsealed && is_evicted(unsealed.error().kind, tpm, request.file)) {
        unsealed = unseal_under_srk(tpm, request, backoff);
        if (unsealed) {
            unsealed->is_srk_evicted = true;
        }
    }
    return unsealed;
}

} // namespace sealmount
