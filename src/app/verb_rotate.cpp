// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/renewal_words.hpp"
#include "core/rotate.hpp"

namespace sealmount {

namespace {

struct RotateWords : SlotWords {
    std::string present_file;
    NewRecoveryWords recovery;
};

int run_rotate(const RotateWords& words, const Globals& globals) {
    const SlotDesk desk{globals, words.pin_file};
    const auto names = desk.masters(words.master);
    if (names.size() > 1 && !(words.present_file.empty() && words.recovery.save_file.empty())) {
        throw Error{Reason::usage, "there are several master keys, each with a recovery key of its own: say "
                                   "which one"};
    }
    for (const std::string& name : names) {
        const auto recovery =
            recovery_key_for_renewal(globals.paths(), name, words.recovery, words.present_file, globals);
        const OpenMaster master = open_master(desk.world(), name);
        if (recovery.fresh) {
            recovery.fresh->save();
        }
        tell(name, rotate(desk.world(), master, recovery.key()), globals);
        if (recovery.fresh) {
            recovery.fresh->hand_over(name, globals);
        }
    }
    return 0;
}

} // namespace

Run declare_rotate(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<RotateWords>();
    add_slot_options(verb, *words);
    add_present_recovery_option(verb, words->present_file);
    add_new_recovery_options(verb, words->recovery);
    return [words, &globals] { return run_rotate(*words, globals); };
}

} // namespace sealmount
