// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/enroll/batch_file.hpp"
#include "app/enroll/enroll_command.hpp"
#include "app/output/exit_code.hpp"
#include "app/output/hints.hpp"
#include "base/error.hpp"
#include "sys/files/files.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace sealmount {

namespace {

struct Options {
    EnrollOptions one;
    std::string batch;
};

int run_one(const EnrollOptions& words, const Globals& globals) {
    const Volume& volume = words.request.volume;
    if (volume.name.empty() || volume.lower.empty() || volume.mountpoint.empty()) {
        throw Error{Reason::usage,
                    "give NAME, --lower DIR and --mountpoint DIR, or --batch FILE with a list of volumes"};
    }
    EnrollOutcome outcome = enroll_volume(words, globals);
    if (globals.json) {
        std::printf("%s\n", to_json(outcome).dump(2).c_str());
    } else if (!words.quiet) {
        print_outcome(words, outcome, globals);
    }
    tell_recovery_key(words, outcome, globals);
    return 0;
}

/// The volumes of a list, each for itself: one that is refused does not keep the others, and a batch that was
/// killed goes on when it is run again.
class Batch {
  public:
    Batch(std::vector<EnrollOptions> volumes, const Globals& globals)
        : volumes_(std::move(volumes)), globals_(globals) {}

    int run() {
        for (EnrollOptions& words : volumes_) {
            ++number_;
            enroll_next(words);
        }
        if (globals_.json) {
            const Json json = {{"enrolled", enrolled_}, {"refused", refused_}};
            std::printf("%s\n", json.dump(2).c_str());
        } else if (!volumes_.empty() && (!volumes_.front().quiet || !refused_.empty())) {
            std::printf("%zu of %zu volumes are enrolled%s\n", enrolled_.size(), volumes_.size(),
                        refused_.empty() ? "" : "; fix the others, and run this again");
        }
        return exit_code_;
    }

  private:
    void enroll_next(EnrollOptions& words) {
        words.one_of_many = true;
        const std::string& name = words.request.volume.name;
        try {
            EnrollOutcome outcome = enroll_volume(words, globals_);
            if (!words.quiet && !globals_.json) {
                std::fprintf(stderr, "[%zu/%zu] %s: %s\n", number_, volumes_.size(), name.c_str(),
                             outcome.enrolled.files.empty() ? "was enrolled already" : "enrolled");
            }
            enrolled_.push_back(to_json(outcome));
            if (outcome.enrolled.new_master || outcome.recovery) {
                tell_recovery_key(words, outcome, globals_);
            }
        } catch (const Error& error) {
            const int code = exit_code(error.reason());
            exit_code_ = exit_code_ == 0 ? code : exit_code_;
            refused_.push_back({{"name", name}, {"message", with_hint(error)}, {"exit_code", code}});
            std::fprintf(stderr, "sealmount: [%zu/%zu] %s: %s\n", number_, volumes_.size(), name.c_str(),
                         with_hint(error).c_str());
        }
    }

    std::vector<EnrollOptions> volumes_;
    const Globals& globals_;
    std::size_t number_ = 0;
    Json enrolled_ = Json::array();
    Json refused_ = Json::array();
    int exit_code_ = 0; ///< of the first that was refused
};

int run_batch(const Options& words, const Globals& globals) {
    const Volume& volume = words.one.request.volume;
    if (!volume.name.empty() || !volume.lower.empty() || !volume.mountpoint.empty()) {
        throw Error{Reason::usage,
                    "--batch has names, lower directories and mount points in its file: leave NAME, "
                    "--lower and --mountpoint out"};
    }
    const std::string text = read_trusted_file(words.batch);
    try {
        return Batch{read_batch(text, words.one), globals}.run();
    } catch (const Error& error) {
        throw error.in(words.batch);
    }
}

} // namespace

Run declare_enroll(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<Options>();
    Volume& volume = words->one.request.volume;
    verb.add_option("NAME", volume.name, "the volume's name");
    verb.add_option("--lower", volume.lower, "the directory with the encrypted files");
    verb.add_option("--mountpoint", volume.mountpoint, "where the volume is to be mounted");
    verb.add_option("--batch", words->batch,
                    "enrol all volumes of a JSON list; what it does not say is taken from here");
    add_enroll_options(verb, words->one);
    return [words, &globals] {
        return words->batch.empty() ? run_one(words->one, globals) : run_batch(*words, globals);
    };
}

} // namespace sealmount
