// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/check/check.hpp"
#include "app/options/prediction_options.hpp"
#include "app/options/this_machine.hpp"
#include "app/options/verbs.hpp"
#include "app/output/exit_code.hpp"
#include "app/output/hints.hpp"
#include "base/error.hpp"
#include "base/strict_json.hpp"
#include "core/check/check_next_boot.hpp"
#include "sys/host/backoff.hpp"
#include "sys/keyring/kernel_keyring.hpp"
#include "sys/tpm/esys_connection.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace sealmount {

namespace {

struct CheckOptions {
    std::string name;
    bool next_boot = false;
};

void print_json(const std::vector<Finding>& findings, const bool well) {
    Json json = {{"opens", well}, {"findings", Json::array()}};
    for (const Finding& finding : findings) {
        json["findings"].push_back({{"about", finding.about},
                                    {"item", finding.item},
                                    {"verdict", to_string(finding.severity)},
                                    {"words", finding.text},
                                    {"fix", hint_for(finding.fix)}});
    }
    std::printf("%s\n", json.dump(2).c_str());
}

void print_words(const std::vector<Finding>& findings, const bool well, const char* const when) {
    for (const Finding& finding : findings) {
        std::printf("%-7s  %s: %s\n", to_string(finding.severity), finding.about.c_str(),
                    finding.text.c_str());
        if (const std::string fix = hint_for(finding.fix); !fix.empty()) {
            std::printf("         -> %s\n", fix.c_str());
        }
    }
    if (findings.empty()) {
        std::printf("There are no volumes.\n");
        return;
    }
    std::printf("%s volume would open %s without anybody at the keyboard.\n", well ? "Every" : "Not every",
                when);
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

/// What is to be found out decides only over the slots that want these PCRs: an accident is a reason.
NextPcrs next_pcrs(const Paths& paths) {
    return [paths](Tpm& tpm, const PcrSelection selection) {
        PredictionOptions words;
        words.next_boot = true;
        try {
            return predicted(words, paths, tpm, selection);
        } catch (const Error& error) {
            return nothing_about(selection, {.message = error.what(), .advice = error.advice()});
        }
    };
}

int run_check(const CheckOptions& words, const Globals& globals) {
    const Store store{globals.paths()};
    const ThisMachine this_machine{globals};
    const CheckContext context{.machine = this_machine.machine(),
                               .store = store,
                               .is_this_machine = globals.paths().is_running_system()};
    const auto name = words.name.empty() ? std::nullopt : std::optional{words.name};
    const auto findings =
        words.next_boot ? check_next_boot(context, name, next_pcrs(globals.paths())) : check(context, name);
    const bool well = all_open(findings);
    globals.json ? print_json(findings, well)
                 : print_words(findings, well, words.next_boot ? "at the next boot" : "now");
    return well ? 0 : exit_code(Reason::unavailable);
}

} // namespace

Run declare_check(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<CheckOptions>();
    verb.add_option("NAME", words->name, "one volume only");
    verb.add_flag("--next-boot", words->next_boot,
                  "only whether the TPM will release the master keys at the next boot, as far as what it "
                  "will measure can be found out now");
    return [words, &globals] { return run_check(*words, globals); };
}

} // namespace sealmount
