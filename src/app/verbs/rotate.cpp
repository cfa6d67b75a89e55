// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/slots/rotate.hpp"
#include "app/verbs/renewal_report.hpp"

namespace sealmount {

namespace {

struct RotateOptions : SlotOptions {
    std::string present_file;
    NewRecoveryOptions recovery;
};

int run_rotate(const RotateOptions& words, const Globals& globals) {
    const SlotSession desk{globals, words.pin_file};
    const auto names = desk.masters(words.master);
    if (names.size() > 1 && !(words.present_file.empty() && words.recovery.save_file.empty())) {
        throw Error{Reason::usage, "there are several master keys, each with a recovery key of its own: say "
                                   "which one"};
    }
    for (const std::string& name : names) {
        const auto recovery =
            recovery_key_for_renewal(globals.paths(), name, words.recovery, words.present_file, globals);
        const OpenMaster master = open_master(desk.context(), name);
        if (recovery.fresh) {
            recovery.fresh->save();
        }
        tell(name, rotate(desk.context(), master, recovery.key()), globals);
        if (recovery.fresh) {
            recovery.fresh->hand_over(name, globals);
        }
    }
    return 0;
}

} // namespace

Run declare_rotate(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<RotateOptions>();
    add_slot_options(verb, *words);
    add_present_recovery_option(verb, words->present_file);
    add_new_recovery_options(verb, words->recovery);
    return [words, &globals] { return run_rotate(*words, globals); };
}

} // namespace sealmount
