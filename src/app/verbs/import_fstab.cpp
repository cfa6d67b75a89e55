// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/enroll/import_run.hpp"
#include "app/output/print.hpp"
#include "app/verbs/verbs.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "core/import/fstab_import.hpp"
#include "core/store/store.hpp"
#include "core/volume/volume_name.hpp"
#include "sys/files/files.hpp"

#include <cstdio>

namespace sealmount {

namespace {

struct FstabOptions {
    ImportOptions import;
    std::string file = "/etc/fstab";
    bool comment_out = false;
};

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

void print_volume(const FstabVolume& volume, const std::string& passphrase_file_of_all) {
    const std::string& file =
        passphrase_file_of_all.empty() ? volume.passphrase_file : passphrase_file_of_all;
    const Volume& wanted = volume.request.volume;
    print("line {}: {}: {} on {}\n", volume.line.number, wanted.name, wanted.lower, wanted.mountpoint);
    print("  passphrase {}\n", file.empty() ? "is asked for" : (formatted("from {}", file)));
    print_options(wanted, volume.dropped);
}

class FstabImporter {
  public:
    FstabImporter(const FstabOptions& options, const Globals& globals, const Machine& machine)
        : options_(options), globals_(globals), file_(globals.paths().below_root(options.file)),
          text_(read_trusted_file(file_)), run_(options.import, globals, machine, file_.string()) {
        const Manifest manifest = Store{globals.paths()}.manifest();
        volumes_ = fstab_volumes(read_fstab(text_), names_in(manifest), problems_);
        for (FstabVolume& volume : volumes_) {
            keep_name(volume.request.volume, manifest);
        }
    }

    int run() {
        for (const std::string& problem : problems_) {
            run_.refuse("", Error{Reason::config, problem});
        }
        if (volumes_.empty() && problems_.empty()) {
            throw Error{Reason::no_input, formatted("{} has no line of type ecryptfs", file_.string())};
        }
        if (!globals_.json) {
            for (const FstabVolume& volume : volumes_) {
                print_volume(volume, options_.import.enroll.keys.passphrase_file);
            }
        }
        if (run_.begin(volumes_.size())) {
            enroll_all();
        }
        Json lines = Json::array();
        for (const FstabVolume& volume : volumes_) {
            lines.push_back(line_json(volume));
        }
        return run_.end("lines", std::move(lines));
    }

  private:
    void enroll_all() {
        std::set<std::size_t> done; // numbers of lines
        for (const FstabVolume& volume : volumes_) {
            EnrollOptions options = run_.options_for(volume.request);
            if (!volume.passphrase_file.empty()) {
                options.keys.passphrase_option_file =
                    globals_.paths().below_root(volume.passphrase_file).string();
            }
            if (run_.enroll(options, formatted("line {}", volume.line.number))) {
                done.insert(volume.line.number);
            }
        }
        if (options_.comment_out && !done.empty()) {
            comment_out(done);
        }
        if (!globals_.json && !done.empty()) {
            print_what_next();
        }
    }

    /// A table that only root can read may have a password in it: both stay as they are.
    void comment_out(const std::set<std::size_t>& done) const {
        const auto mode =
            static_cast<mode_t>(std::filesystem::status(file_).permissions() & std::filesystem::perms::mask);
        write_file_atomically(formatted("{}.before-sealmount", file_.string()), text_, mode);
        write_file_atomically(file_, fstab_with_comments(text_, done), mode);
    }

    void print_what_next() const {
        if (options_.comment_out) {
            print("Their lines in {} are comments now; the table as it was is {}.before-sealmount.\n",
                  file_.string(), file_.string());
        } else {
            print("Their lines are still in {}: a line and a volume for one mount point must not both be "
                  "active. When you have seen the "
                  "volumes open, run this again with --comment-out.\n",
                  file_.string());
        }
        print("No passphrase file was removed: delete it yourself when the passphrase is kept elsewhere.\n");
    }

    const FstabOptions& options_;
    const Globals& globals_;
    std::filesystem::path file_;
    std::string text_;
    ImportRun run_;
    std::vector<std::string> problems_;
    std::vector<FstabVolume> volumes_;
};

} // namespace

Run declare_import_fstab(Arguments& verb) {
    const auto options = std::make_shared<FstabOptions>();
    verb.option("--fstab", "FILE", options->file, "the table to read");
    add_import_options(
        verb, options->import,
        "read the passphrase of all volumes from FILE, whatever their lines say (- for standard "
        "input)");
    verb.flag("--comment-out", options->comment_out, "turn the lines that are enrolled into comments");
    return [options](const Globals& globals, const Machine& machine) {
        return FstabImporter{*options, globals, machine}.run();
    };
}

} // namespace sealmount
