// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/exit_code.hpp"
#include "app/pause.hpp"
#include "app/verbs.hpp"
#include "base/strict_json.hpp"
#include "core/check.hpp"
#include "sys/esys_tpm.hpp"
#include "sys/kernel_keyring.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace sealmount {

namespace {

void print_json(const std::vector<Finding>& findings, const bool well) {
    Json json = {{"opens", well}, {"findings", Json::array()}};
    for (const Finding& finding : findings) {
        json["findings"].push_back({{"about", finding.about},
                                    {"item", finding.item},
                                    {"verdict", to_string(finding.verdict)},
                                    {"words", finding.words},
                                    {"mend", finding.mend}});
    }
    std::printf("%s\n", json.dump(2).c_str());
}

void print_words(const std::vector<Finding>& findings, const bool well) {
    for (const Finding& finding : findings) {
        std::printf("%-7s  %s: %s\n", to_string(finding.verdict), finding.about.c_str(),
                    finding.words.c_str());
        if (!finding.mend.empty()) {
            std::printf("         -> %s\n", finding.mend.c_str());
        }
    }
    std::printf("%s\n", findings.empty() ? "There are no volumes."
                        : well           ? "Every volume would open now without anybody at the keyboard."
                               : "Not every volume would open now without anybody at the keyboard.");
}

int run_check(const std::string& name, const Globals& globals) {
    const Store store{globals.paths()};
    const auto tpm = chosen_tpm(globals);
    const auto keyring = kernel_keyring();
    const auto findings =
        check({store, *tpm, *keyring, pause_between_tries, globals.paths().is_running_system()},
              name.empty() ? std::nullopt : std::optional{name});
    const bool well =
        std::ranges::none_of(findings, [](const Finding& f) { return f.verdict == Verdict::bad; });
    globals.json ? print_json(findings, well) : print_words(findings, well);
    return well ? 0 : exit_code(Reason::unavailable);
}

} // namespace

Run declare_check(CLI::App& verb, const Globals& globals) {
    const auto name = std::make_shared<std::string>();
    verb.add_option("NAME", *name, "one volume only");
    return [name, &globals] { return run_check(*name, globals); };
}

} // namespace sealmount
