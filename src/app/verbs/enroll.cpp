// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/enroll/batch_file.hpp"
#include "app/enroll/enroll_run.hpp"
#include "app/output/exit_code.hpp"
#include "app/output/hints.hpp"
#include "app/output/print.hpp"
#include "app/verbs/verbs.hpp"
#include "base/error.hpp"
#include "sys/files/files.hpp"

#include <nlohmann/json.hpp>

#include <expected>
#include <memory>
#include <utility>

namespace sealmount {

namespace {

struct VerbOptions {
    EnrollOptions one;
    std::string batch;
};

int run_one(const EnrollOptions& options, const Globals& globals, const Machine& machine) {
    const Volume& volume = options.request.volume;
    if (volume.name.empty() || volume.lower.empty() || volume.mountpoint.empty()) {
        throw Error{Reason::usage,
                    "give NAME, --lower DIR and --mountpoint DIR, or --batch FILE with a list of volumes"};
    }
    EnrollOutcome outcome = enroll_volume(options, globals, machine);
    if (globals.json) {
        print_json(to_json(outcome));
    } else if (!options.quiet) {
        print_outcome(options, outcome, globals);
    }
    report_recovery_key(options, outcome, globals);
    return 0;
}

/// The volumes of a list: one that is refused does not stop the others, and a batch that was killed continues
/// when it is run again.
class Batch {
  public:
    Batch(std::vector<EnrollOptions> volumes, const Globals& globals, const Machine& machine)
        : volumes_(std::move(volumes)), globals_(globals), machine_(machine) {}

    int run() {
        EnrollRun all{globals_, machine_,
                      [this](const EnrollOptions& options, std::expected<EnrollOutcome, Error> outcome) {
                          ++number_;
                          if (outcome) {
                              report(options, *outcome);
                          } else {
                              report_refusal(options.request.volume.name, outcome.error());
                          }
                      }};
        for (EnrollOptions options : volumes_) {
            options.one_of_many = true;
            all.add(std::move(options));
        }
        all.finish();
        if (globals_.json) {
            print_json({{"enrolled", enrolled_}, {"refused", refused_}});
        } else if (!volumes_.empty() && (!volumes_.front().quiet || !refused_.empty())) {
            print("{} of {} volumes are enrolled{}\n", enrolled_.size(), volumes_.size(),
                  refused_.empty() ? "" : "; fix the others, and run this again");
        }
        return exit_code_;
    }

  private:
    void report(const EnrollOptions& options, EnrollOutcome& outcome) {
        const Enrolled& enrolled = outcome.enrolled;
        if (!options.quiet && !globals_.json) {
            print_error("[{}/{}] {}: {}\n", number_, volumes_.size(), enrolled.volume.name,
                        enrolled.files.empty() ? "was enrolled already" : "enrolled");
            print_srk(enrolled);
        }
        enrolled_.push_back(to_json(outcome));
        if (enrolled.new_master || outcome.recovery) {
            try {
                report_recovery_key(options, outcome, globals_);
            } catch (const Error& error) { // it is in force, and nobody has it: the others are enrolled still
                report_refusal(enrolled.volume.name, error);
            }
        }
    }

    void report_refusal(const std::string& name, const Error& error) {
        const int code = exit_code(error.reason());
        exit_code_ = exit_code_ == 0 ? code : exit_code_;
        refused_.push_back({{"name", name}, {"message", with_hint(error)}, {"exit_code", code}});
        print_error("sealmount: [{}/{}] {}: {}\n", number_, volumes_.size(), name, with_hint(error));
    }

    std::vector<EnrollOptions> volumes_;
    const Globals& globals_;
    const Machine& machine_;
    std::size_t number_ = 0;
    Json enrolled_ = Json::array();
    Json refused_ = Json::array();
    int exit_code_ = 0; ///< of the first that was refused
};

std::vector<EnrollOptions> volumes_in(const VerbOptions& options) {
    const std::string text = read_trusted_file(options.batch);
    try {
        return read_batch(text, options.one);
    } catch (const Error& error) {
        throw error.in(options.batch);
    }
}

int run_batch(const VerbOptions& options, const Globals& globals, const Machine& machine) {
    const Volume& volume = options.one.request.volume;
    if (!volume.name.empty() || !volume.lower.empty() || !volume.mountpoint.empty()) {
        throw Error{Reason::usage,
                    "--batch has names, lower directories and mount points in its file: leave NAME, "
                    "--lower and --mountpoint out"};
    }
    return Batch{volumes_in(options), globals, machine}.run();
}

} // namespace

Run declare_enroll(Arguments& verb) {
    const auto options = std::make_shared<VerbOptions>();
    Volume& volume = options->one.request.volume;
    verb.argument("NAME", volume.name, "the volume's name");
    verb.option("--lower", "DIR", volume.lower, "the directory with the encrypted files");
    verb.option("--mountpoint", "DIR", volume.mountpoint, "where the volume is to be mounted");
    verb.option("--batch", "FILE", options->batch,
                "enroll all volumes of a JSON list; what the list does not say is taken from these options");
    add_enroll_options(verb, options->one);
    return [options](const Globals& globals, const Machine& machine) {
        return options->batch.empty() ? run_one(options->one, globals, machine)
                                      : run_batch(*options, globals, machine);
    };
}

} // namespace sealmount
