// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/options/prediction_options.hpp"
#include "app/options/verbs.hpp"
#include "app/output/exit_code.hpp"
#include "app/output/hints.hpp"
#include "base/error.hpp"
#include "base/hex.hpp"
#include "base/strict_json.hpp"
#include "core/policy/pcr_policy.hpp"
#include "sys/tpm/esys_connection.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace sealmount {

namespace {

struct PredictOptions {
    std::string pcrs;
    PredictionOptions changes;
};

/// Today's values and those to come.
struct Outcome {
    PcrBank bank;
    PcrValues now;
    Prediction next;

    [[nodiscard]] bool is_whole() const {
        return std::ranges::all_of(next, [](const auto& entry) { return entry.second.has_value(); });
    }
};

std::unique_ptr<Tpm> open_tpm(const Globals& globals) {
    auto tpm = chosen_tpm(globals)->open(TpmAccess::managed);
    if (!tpm) {
        throw Error{Reason::unavailable, std::string{"the PCRs cannot be read: "} +
                                             describe(tpm.error().kind) +
                                             ": on another machine, believe a log with --log FILE"};
    }
    return std::move(*tpm);
}

Outcome predict_it(const PredictOptions& words, const Globals& globals) {
    const Paths paths = globals.paths();
    PcrSelection selection;
    if (words.pcrs.empty()) {
        selection.mask = logged_pcrs(words.changes, paths);
    } else {
        selection = parse_pcr_selection(words.pcrs);
    }
    Outcome outcome{.bank = selection.bank, .now = {}, .next = {}};
    if (words.changes.log.empty()) {
        const auto tpm = open_tpm(globals);
        outcome.now = tpm->read_pcrs(selection).values;
        outcome.next = predicted(words.changes, paths, *tpm, selection);
        return outcome;
    }
    PredictionOptions unchanged;
    unchanged.log = words.changes.log;
    unchanged.systemd_log = words.changes.systemd_log;
    for (const auto& [pcr, value] : predicted_by_log(unchanged, paths, selection)) {
        if (value) {
            outcome.now.emplace(pcr, *value);
        }
    }
    outcome.next = predicted_by_log(words.changes, paths, selection);
    return outcome;
}

void print_json(const Outcome& outcome) {
    Json json = {
        {"predicted", outcome.is_whole()}, {"bank", to_string(outcome.bank)}, {"pcrs", Json::array()}};
    for (const auto& [pcr, value] : outcome.next) {
        const auto now = outcome.now.find(pcr);
        json["pcrs"].push_back({{"pcr", pcr},
                                {"meaning", pcr_meaning(pcr)},
                                {"now", now == outcome.now.end() ? Json(nullptr) : Json(to_hex(now->second))},
                                {"next", value ? Json(to_hex(*value)) : Json(nullptr)},
                                {"reason", value ? Json(nullptr) : Json(with_hint(value.error()))}});
    }
    std::printf("%s\n", json.dump(2).c_str());
}

void print_table(const Outcome& outcome) {
    int width = 8;
    for (const auto& [pcr, value] : outcome.now) {
        width = std::max(width, static_cast<int>(2 * value.size()));
    }
    std::printf("PCR  %-*s  %-*s  why\n", width, "now", width, "next boot");
    for (const auto& [pcr, value] : outcome.next) {
        const auto now = outcome.now.find(pcr);
        const std::string today = now == outcome.now.end() ? "-" : to_hex(now->second);
        const std::string why = !value ? "cannot be predicted: " + with_hint(value.error())
                                : now != outcome.now.end() && now->second == *value ? "unchanged"
                                                                                    : "changes";
        std::printf("%3u  %-*s  %-*s  %s\n", pcr, width, today.c_str(), width,
                    value ? to_hex(*value).c_str() : "-", why.c_str());
    }
}

} // namespace

Run declare_predict(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<PredictOptions>();
    verb.add_option("--pcrs", words->pcrs,
                    "the PCRs and their bank, such as 4+7+9:sha256 (default: all in the log)");
    verb.add_option("--replace", words->changes.replacements,
                    "OLD=NEW, two files: one gives way to the other (kernel, initrd, boot loader, UKI)");
    add_prediction_options(verb, words->changes);
    return [words, &globals] {
        const Outcome outcome = predict_it(*words, globals);
        globals.json ? print_json(outcome) : print_table(outcome);
        if (!outcome.is_whole() && !globals.json) {
            std::fflush(stdout);
            std::fprintf(stderr, "sealmount: not every PCR can be predicted\n");
        }
        return outcome.is_whole() ? 0 : exit_code(Reason::unavailable);
    };
}

} // namespace sealmount
