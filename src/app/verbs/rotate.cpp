// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/slots/rotate.hpp"
#include "app/options/recovery_options.hpp"
#include "app/options/slot_session.hpp"
#include "app/verbs/renewal_report.hpp"
#include "app/verbs/verbs.hpp"
#include "base/error.hpp"

namespace sealmount {

namespace {

struct RotateOptions : SlotOptions {
    std::string present_file;
    NewRecoveryOptions recovery;
};

int run_rotate(const RotateOptions& options, const Globals& globals, const Machine& machine) {
    const SlotSession session{globals, machine, options.pin_file};
    const auto names = session.masters(options.master);
    if (names.size() > 1 && !(options.present_file.empty() && options.recovery.save_file.empty())) {
        throw Error{Reason::usage,
                    "there are several master keys, each with a recovery key of its own: name one of them"};
    }
    for (const std::string& name : names) {
        RenewedRecoveryKey recovery;
        session.without_lock([&] {
            recovery = recovery_key_for_renewal(globals.paths(), name, options.recovery, options.present_file,
                                                globals);
        });
        OpenMaster master = open_master(session.context(), name);
        if (recovery.fresh) {
            recovery.fresh->save(session.store(), name);
        }
        report_renewal(name, rotate(session.context(), std::move(master), recovery.key()), globals);
        if (recovery.fresh) {
            recovery.fresh->hand_over(name, globals);
        }
    }
    return 0;
}

} // namespace

Run declare_rotate(Arguments& verb) {
    const auto options = std::make_shared<RotateOptions>();
    add_slot_options(verb, *options);
    add_present_recovery_option(verb, options->present_file);
    add_new_recovery_options(verb, options->recovery);
    return [options](const Globals& globals, const Machine& machine) {
        return run_rotate(*options, globals, machine);
    };
}

} // namespace sealmount
