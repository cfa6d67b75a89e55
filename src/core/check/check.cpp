// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/check/check.hpp"

#include "base/format.hpp"
#include "core/check/check_kernel.hpp"
#include "core/check/check_machine.hpp"
#include "core/check/check_places.hpp"
#include "core/check/check_slots.hpp"
#include "core/check/check_units.hpp"
#include "core/check/check_volume.hpp"
#include "core/store/store_check.hpp"
#include "sys/tpm/srk_name.hpp"

#include <algorithm>
#include <set>

namespace sealmount {

namespace {

/// Why the TPM does not release the master key: each slot, or what is wrong with all of them.
void add_refusal(const std::string& configuration, const std::string& name, const MasterRefusal& refusal,
                 std::vector<Finding>& findings) {
    if (refusal.kind == RefusalKind::pin_needed) { // a recovery would change nothing
        findings.push_back(
            {.about = formatted("master {}", name),
             .item = "unseal",
             .severity = Severity::bad,
             .text = "the TPM releases it now, with its PIN: somebody must type that at boot"});
        return;
    }
    Advice fix =
        advice_about_srk(refusal.kind).value_or(Advice{.kind = AdviceKind::reseal_if_known, .subject = name});
    if (refusal.kind == RefusalKind::store_changed) {
        fix = {.kind = AdviceKind::restore_store, .subject = configuration};
    }
    const auto add = [&](const char* const item, Problem problem) {
        const bool has_advice = problem.advice.kind != AdviceKind::none;
        findings.push_back({.about = formatted("master {}", name),
                            .item = item,
                            .severity = Severity::bad,
                            .text = std::move(problem.message),
                            .fix = has_advice ? problem.advice : fix});
    };
    for (const SlotRefusal& slot : refusal.slots) {
        if (slot.kind != RefusalKind::policy_mismatch) {
            continue; // it is about all of them
        }
        for (Problem& line : lines_about(slot)) {
            add("policy", std::move(line));
        }
    }
    if (refusal.kind != RefusalKind::policy_mismatch) {
        add("unseal", {.message = with_detail(refusal)});
    }
}

/// Another program has evicted the storage root key, or made it again with a password. Unlocks do without.
void check_srk_handle(Tpm& tpm, const std::string& name, const MasterFile& master,
                      std::vector<Finding>& findings) {
    const auto problem = problem_with_srk(tpm, master);
    if (problem && problem->kind == RefusalKind::srk_missing && tpm.use_primary(master.srk_name)) {
        findings.push_back(
            {.about = "tpm",
             .item = "srk",
             .severity = Severity::warning,
             .text = "its storage root key is not persistent any more: another program evicted it. "
                     "Unlocks make it again",
             .fix = {.kind = AdviceKind::persist_srk, .subject = name}});
    }
}

/// The master key, when the TPM releases it now.
std::optional<SecretBytes> check_master(const CheckContext& context, Tpm* const tpm, const std::string& name,
                                        const std::vector<Volume>& volumes, std::vector<Finding>& findings) {
    const std::string about = formatted("master {}", name);
    try {
        const MasterFile master = context.store.master(name);
        check_privacy(context.store.paths().master(name), about, findings);
        check_recovery_key(name, master, volumes, findings);
        if (tpm == nullptr) {
            return std::nullopt; // there is a finding about that
        }
        check_slots(context.store.paths(), name, master, *tpm, findings);
        check_srk_handle(*tpm, name, master, findings);
        UnsealRequest request{.file = master,
                              .files = context.store.policy_files(),
                              .problem = check_of_store(context.store, name, master)};
        auto unsealed = unseal_master(*tpm, request, context.machine.backoff);
        if (!unsealed && unsealed.error().kind == RefusalKind::text_rejected) {
            request.problem = {}; // each key is looked at by itself, and says so
            unsealed = unseal_master(*tpm, request, context.machine.backoff);
        }
        if (!unsealed) {
            add_refusal(context.store.paths().configuration().string(), name, unsealed.error(), findings);
            return std::nullopt;
        }
        check_proofs(context.store, name, master, volumes, findings);
        findings.push_back(
            {.about = about,
             .item = "unseal",
             .text = formatted("the TPM releases it now (slot {} of {}), under its key {}", unsealed->slot,
                               master.slots.size(), short_form(master.srk_name))});
        return std::move(unsealed->key);
    } catch (const Error& error) {
        findings.push_back(failed_look(
            about, "file", error,
            {.kind = AdviceKind::restore_store, .subject = context.store.paths().configuration().string()}));
        return std::nullopt;
    }
}

/// The named volume, or all of the manifest, in which bad ones are findings.
std::vector<Volume> volumes_to_check(const Store& store, const std::optional<std::string>& name,
                                     std::vector<Finding>& findings) {
    if (name) {
        return {store.volume(*name)};
    }
    Manifest manifest = store.manifest();
    for (const Error& problem : manifest.problems) {
        findings.push_back({.about = "manifest",
                            .item = "volume",
                            .severity = Severity::bad,
                            .text = problem.in(store.paths().manifest().string()).what(),
                            .fix = {.kind = AdviceKind::fix_manifest}});
    }
    return std::move(manifest.volumes);
}

} // namespace

const char* to_string(const Severity severity) noexcept {
    switch (severity) {
    case Severity::good:
        return "good";
    case Severity::warning:
        return "warning";
    case Severity::unknown:
        return "unknown";
    case Severity::bad:
        return "bad";
    }
    return "";
}

Finding failed_look(std::string about, std::string item, const Error& error, const Advice& fix) {
    if (error.reason() == Reason::refused) {
        return {.about = std::move(about),
                .item = std::move(item),
                .severity = Severity::unknown,
                .text = error.what(),
                .fix = {.kind = AdviceKind::run_as_root}};
    }
    return {.about = std::move(about),
            .item = std::move(item),
            .severity = Severity::bad,
            .text = error.what(),
            .fix = error.advice().kind == AdviceKind::none ? fix : error.advice()};
}

Severity severity_of(const Problem& problem) {
    return problem.advice.kind == AdviceKind::run_as_root ? Severity::unknown : Severity::bad;
}

Outcome outcome_of(const std::vector<Finding>& findings) {
    const auto has = [&](const Severity severity) {
        return std::ranges::find(findings, severity, &Finding::severity) != findings.end();
    };
    if (has(Severity::bad)) {
        return Outcome::not_all_open;
    }
    return has(Severity::unknown) ? Outcome::unknown : Outcome::all_open;
}

bool lacks_rights(const std::vector<Finding>& findings) {
    return std::ranges::any_of(
        findings, [](const Finding& finding) { return finding.fix.kind == AdviceKind::run_as_root; });
}

std::vector<Finding> check(const CheckContext& context, const std::optional<std::string>& name) {
    std::vector<Finding> findings;
    const std::vector<Volume> volumes = volumes_to_check(context.store, name, findings);
    if (volumes.empty()) {
        return findings;
    }
    check_places(context, volumes, findings);
    const bool trusted_demanded =
        std::ranges::any_of(volumes, [](const Volume& v) { return v.form == FormChoice::trusted; });
    UnitsReport units;
    if (context.is_this_machine) {
        check_kernel(context, volumes, trusted_demanded, findings);
        check_generator(context, findings);
        units = ask_about_units(context, volumes);
    }
    const std::unique_ptr<Tpm> tpm = check_tpm(context, trusted_demanded, findings);
    std::set<std::string> masters;
    std::ranges::for_each(volumes, [&](const Volume& volume) { masters.insert(volume.master); });
    for (const std::string& master : masters) {
        const auto key = check_master(context, tpm.get(), master, volumes, findings);
        for (const Volume& volume : volumes) {
            if (volume.master == master) {
                check_volume(context, volume, key ? &*key : nullptr, findings);
                if (context.is_this_machine) {
                    check_units(context, volume, units, findings);
                }
            }
        }
    }
    return findings;
}

} // namespace sealmount
