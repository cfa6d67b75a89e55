// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/check/check.hpp"
#include "app/options/prediction_options.hpp"
#include "app/output/exit_code.hpp"
#include "app/output/hints.hpp"
#include "app/output/print.hpp"
#include "app/verbs/verbs.hpp"
#include "base/error.hpp"
#include "base/strict_json.hpp"
#include "core/check/check_next_boot.hpp"

#include <nlohmann/json.hpp>

#include <sysexits.h>
#include <unistd.h>

#include <cstdio>

namespace sealmount {

namespace {

struct CheckOptions {
    std::string name;
    bool next_boot = false;
};

Json to_json(const std::vector<Finding>& findings, const Outcome outcome) {
    Json json = {{"opens", outcome == Outcome::unknown ? Json(nullptr) : Json(outcome == Outcome::all_open)},
                 {"findings", Json::array()}};
    for (const Finding& finding : findings) {
        json["findings"].push_back({{"about", finding.about},
                                    {"item", finding.item},
                                    {"verdict", to_string(finding.severity)},
                                    {"words", finding.text},
                                    {"fix", hint_for(finding.fix)}});
    }
    return json;
}

void print_verdict(const Outcome outcome, const char* const when) {
    switch (outcome) {
    case Outcome::all_open:
        print("Every volume would open {} without anybody at the keyboard.\n", when);
        break;
    case Outcome::unknown:
        print("Whether every volume would open {} without anybody at the keyboard is not known.\n", when);
        break;
    case Outcome::not_all_open:
        print("Not every volume would open {} without anybody at the keyboard.\n", when);
        break;
    }
}

void print_findings(const std::vector<Finding>& findings, const Outcome outcome, const char* const when) {
    for (const Finding& finding : findings) {
        print("{:7}  {}: {}\n", to_string(finding.severity), finding.about, finding.text);
        if (const std::string fix = hint_for(finding.fix); !fix.empty()) {
            print("         -> {}\n", fix);
        }
    }
    if (findings.empty()) {
        print("There are no volumes.\n");
        return;
    }
    print_verdict(outcome, when);
}

/// What is known to be missing weighs more than what is not known; missing rights more than both, since what
/// was found without them may be wrong.
int exit_code_of(const std::vector<Finding>& findings, const Outcome outcome) {
    if (lacks_rights(findings)) {
        return exit_code(Reason::refused);
    }
    switch (outcome) {
    case Outcome::all_open:
        return EX_OK;
    case Outcome::unknown:
        return exit_code(Reason::try_later);
    case Outcome::not_all_open:
        return exit_code(Reason::unavailable);
    }
    return EX_SOFTWARE;
}

/// Another user cannot see the keys, the TPM and most files: whatever is found without them may be wrong, and
/// so may be what to do about it.
void check_rights(const Paths& paths) {
    if (paths.is_running_system() && ::geteuid() != 0) {
        throw Error{Reason::refused,
                    "only root may look at all that the volumes need: nothing was checked",
                    {AdviceKind::run_as_root}};
    }
}

/// Why nothing is known of any of these PCRs.
Prediction nothing_about(const PcrSelection selection, const Problem& why) {
    Prediction prediction;
    for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
        if ((selection.mask >> pcr & 1U) != 0) {
            prediction.emplace(pcr, std::unexpected{why});
        }
    }
    return prediction;
}

/// An error is a reason: it concerns only the slots that require these PCRs.
NextPcrs next_pcrs(const Paths& paths) {
    return [paths](Tpm& tpm, const PcrSelection selection) -> std::vector<NextPcrState> {
        PredictionOptions options;
        options.next_boot = true;
        try {
            std::vector<NextPcrState> states;
            for (PredictedBoot& boot : predicted(options, paths, tpm, selection)) {
                states.push_back({.origin = std::move(boot.origin), .values = std::move(boot.values)});
            }
            return states;
        } catch (const Error& error) {
            return {
                {.origin = {},
                 .values = nothing_about(selection, {.message = error.what(), .advice = error.advice()})}};
        }
    };
}

int run_check(const CheckOptions& options, const Globals& globals, const Machine& machine) {
    check_rights(globals.paths());
    const Store store{globals.paths()};
    const CheckContext context{
        .machine = machine, .store = store, .is_this_machine = globals.paths().is_running_system()};
    const auto name = options.name.empty() ? std::nullopt : std::optional{options.name};
    const auto findings =
        options.next_boot ? check_next_boot(context, name, next_pcrs(globals.paths())) : check(context, name);
    const Outcome outcome = outcome_of(findings);
    if (globals.json) {
        print_json(to_json(findings, outcome));
    } else {
        print_findings(findings, outcome, options.next_boot ? "at the next boot" : "now");
    }
    return exit_code_of(findings, outcome);
}

} // namespace

Run declare_check(Arguments& verb) {
    const auto options = std::make_shared<CheckOptions>();
    verb.argument("NAME", options->name, "one volume only");
    verb.flag("--next-boot", options->next_boot,
              "only whether the TPM will release the master keys at the next boot, as far as what that will "
              "measure can be found out now");
    return [options](const Globals& globals, const Machine& machine) {
        return run_check(*options, globals, machine);
    };
}

} // namespace sealmount
