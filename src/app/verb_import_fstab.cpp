// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/enroll_command.hpp"
#include "app/exit_code.hpp"
#include "base/error.hpp"
#include "core/fstab_import.hpp"
#include "core/store.hpp"
#include "sys/files.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <array>
#include <cstdio>

namespace sealmount {

namespace {

struct Words {
    EnrollWords enroll; ///< for all lines
    std::string file = "/etc/fstab";
    bool show = false;
    bool yes = false;
    bool comment_out = false;
};

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : ",") + word;
    }
    return text;
}

Json line_json(const FstabVolume& volume) {
    const Volume& wanted = volume.request.volume;
    return {
        {"line", volume.line.number},
        {"name", wanted.name},
        {"lower", wanted.lower},
        {"mountpoint", wanted.mountpoint},
        {"passphrase_file", volume.passphrase_file.empty() ? Json(nullptr) : Json(volume.passphrase_file)},
        {"options", wanted.options},
        {"noauto", wanted.noauto},
        {"dropped", volume.dropped}};
}

void print(const FstabVolume& volume, const std::string& passphrase_file_of_all) {
    const std::string& file =
        passphrase_file_of_all.empty() ? volume.passphrase_file : passphrase_file_of_all;
    const Volume& wanted = volume.request.volume;
    std::printf("line %zu: %s: %s on %s\n", volume.line.number, wanted.name.c_str(), wanted.lower.c_str(),
                wanted.mountpoint.c_str());
    std::printf("  passphrase %s\n", file.empty() ? "is asked for" : ("from " + file).c_str());
    if (!wanted.options.empty()) {
        std::printf("  options    %s\n", join(wanted.options).c_str());
    }
    if (wanted.noauto) {
        std::printf("  noauto     not mounted at boot\n");
    }
    if (!volume.dropped.empty()) {
        std::printf("  left out   %s\n", join(volume.dropped).c_str());
    }
}

void confirm(const std::size_t count) {
    if (::isatty(STDIN_FILENO) == 0) {
        throw Error{Reason::usage, "this is what would be enrolled: say --yes to do it"};
    }
    std::fprintf(stderr, "Enrol %zu %s? [y/N] ", count, count == 1 ? "volume" : "volumes");
    std::array<char, 16> line{};
    const bool answered = std::fgets(line.data(), static_cast<int>(line.size()), stdin) != nullptr;
    if (!answered || (line[0] != 'y' && line[0] != 'Y')) {
        throw Error{Reason::usage, "not confirmed: nothing was changed"};
    }
}

/// What a table's line asks for, with what was said for all.
EnrollWords words_for(const FstabVolume& volume, const EnrollWords& all) {
    EnrollWords words = all;
    const std::string master = all.request.volume.master;
    words.request = volume.request;
    words.request.volume.master = master;
    words.cipher = volume.request.cipher.value_or("");
    words.key_bytes = volume.request.key_bytes.value_or(0);
    words.keys.passphrase_option_file = volume.passphrase_file;
    words.one_of_many = true;
    return words;
}

/// Volumes that were enrolled from the table before, at the same place, keep their names.
void keep_names(std::vector<FstabVolume>& volumes, const Manifest& manifest) {
    for (FstabVolume& volume : volumes) {
        Volume& wanted = volume.request.volume;
        for (const Volume& known : manifest.volumes) {
            if (known.lower == wanted.lower && known.mountpoint == wanted.mountpoint) {
                wanted.name = known.name;
            }
        }
    }
}

class Import {
  public:
    Import(const Words& words, const Globals& globals)
        : words_(words), globals_(globals), file_(globals.paths().below_root(words.file)),
          text_(read_trusted_file(file_)) {
        const Manifest manifest = Store{globals.paths()}.manifest();
        std::set<std::string> taken;
        for (const Volume& volume : manifest.volumes) {
            taken.insert(volume.name);
        }
        volumes_ = fstab_volumes(read_fstab(text_), std::move(taken), complaints_);
        keep_names(volumes_, manifest);
    }

    int run() {
        for (const std::string& complaint : complaints_) {
            refuse("", complaint, Reason::config);
        }
        if (volumes_.empty() && complaints_.empty()) {
            throw Error{Reason::no_input, file_.string() + " has no line of type ecryptfs"};
        }
        if (!globals_.json) {
            for (const FstabVolume& volume : volumes_) {
                print(volume, words_.enroll.keys.passphrase_file);
            }
            std::fflush(stdout); // before what goes to standard error
        }
        if (!words_.show && !volumes_.empty()) {
            enroll_all();
        }
        if (globals_.json) {
            print_json();
        }
        return exit_code_;
    }

  private:
    void enroll_all() {
        if (!words_.yes) {
            confirm(volumes_.size());
        }
        for (const FstabVolume& volume : volumes_) {
            enroll_next(volume);
        }
        if (words_.comment_out && !done_.empty()) {
            comment_out();
        }
        if (!globals_.json && !done_.empty()) {
            print_what_next();
        }
    }

    /// A table that only root can read may have a password in it: both stay as they are.
    void comment_out() const {
        const auto mode =
            static_cast<mode_t>(std::filesystem::status(file_).permissions() & std::filesystem::perms::mask);
        write_file_atomically(file_.string() + ".before-sealmount", text_, mode);
        write_file_atomically(file_, fstab_with_comments(text_, done_), mode);
    }

    void enroll_next(const FstabVolume& volume) {
        const std::string& name = volume.request.volume.name;
        try {
            EnrollWords words = words_for(volume, words_.enroll);
            EnrollOutcome outcome = enroll_volume(words, globals_);
            done_.insert(volume.line.number);
            enrolled_.push_back(to_json(outcome));
            if (!globals_.json) {
                std::printf("%s is enrolled%s\n", name.c_str(),
                            outcome.enrolled.files.empty() ? " already" : "");
            }
            if (outcome.enrolled.new_master || outcome.recovery) {
                tell_recovery_key(words, outcome, globals_);
            }
        } catch (const Error& error) {
            refuse(name, "line " + std::to_string(volume.line.number) + ": " + error.what(), error.reason());
        }
    }

    void refuse(const std::string& name, const std::string& message, const Reason reason) {
        const int code = exit_code(reason);
        exit_code_ = exit_code_ == 0 ? code : exit_code_;
        refused_.push_back({{"name", name}, {"message", message}, {"exit_code", code}});
        std::fprintf(stderr, "sealmount: %s: %s\n", file_.c_str(), message.c_str());
    }

    void print_what_next() const {
        if (words_.comment_out) {
            std::printf("Their lines in %s are comments now; the table as it was is %s.before-sealmount.\n",
                        file_.c_str(), file_.c_str());
        } else {
            std::printf("Their lines are still in %s, and win over the manifest at boot. When you have seen "
                        "the volumes open, run "
                        "this again with --comment-out.\n",
                        file_.c_str());
        }
        std::printf(
            "No passphrase file was removed: delete it yourself when the passphrase is kept elsewhere.\n");
    }

    void print_json() const {
        Json lines = Json::array();
        for (const FstabVolume& volume : volumes_) {
            lines.push_back(line_json(volume));
        }
        const Json json = {{"lines", lines}, {"enrolled", enrolled_}, {"refused", refused_}};
        std::printf("%s\n", json.dump(2).c_str());
    }

    const Words& words_;
    const Globals& globals_;
    std::filesystem::path file_;
    std::string text_;
    std::vector<std::string> complaints_;
    std::vector<FstabVolume> volumes_;
    std::set<std::size_t> done_; ///< numbers of lines
    Json enrolled_ = Json::array();
    Json refused_ = Json::array();
    int exit_code_ = 0; ///< of the first that was refused
};

} // namespace

Run declare_import_fstab(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<Words>();
    EnrollWords& enroll = words->enroll;
    verb.add_option("--fstab", words->file, "the table to read")->capture_default_str();
    verb.add_flag("--show", words->show, "only show what would be enrolled");
    verb.add_flag("--yes", words->yes, "do not ask");
    verb.add_flag("--comment-out", words->comment_out, "make comments of the lines that are enrolled");
    verb.add_option("--passphrase-file", enroll.keys.passphrase_file,
                    "read the passphrase of all volumes from there, whatever their lines say");
    verb.add_option("--master", enroll.request.volume.master,
                    "the master key to put the volumes under (default)")
        ->capture_default_str();
    add_policy_options(verb, enroll.policy);
    add_new_recovery_options(verb, enroll.recovery);
    return [words, &globals] { return Import{*words, globals}.run(); };
}

} // namespace sealmount
