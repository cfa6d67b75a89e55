// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/enroll/import_run.hpp"
#include "base/error.hpp"
#include "core/import/fstab_import.hpp"
#include "core/store/store.hpp"
#include "core/volume/volume_name.hpp"
#include "sys/files/files.hpp"

#include <cstdio>

namespace sealmount {

namespace {

struct Options {
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

void print(const FstabVolume& volume, const std::string& passphrase_file_of_all) {
    const std::string& file =
        passphrase_file_of_all.empty() ? volume.passphrase_file : passphrase_file_of_all;
    const Volume& wanted = volume.request.volume;
    std::printf("line %zu: %s: %s on %s\n", volume.line.number, wanted.name.c_str(), wanted.lower.c_str(),
                wanted.mountpoint.c_str());
    std::printf("  passphrase %s\n", file.empty() ? "is asked for" : ("from " + file).c_str());
    print_options(wanted, volume.dropped);
}

class Import {
  public:
    Import(const Options& words, const Globals& globals)
        : words_(words), globals_(globals), file_(globals.paths().below_root(words.file)),
          text_(read_trusted_file(file_)), run_(words.import, globals, file_.string()) {
        const Manifest manifest = Store{globals.paths()}.manifest();
        volumes_ = fstab_volumes(read_fstab(text_), names_in(manifest), problems_);
        for (FstabVolume& volume : volumes_) {
            keep_name(volume.request.volume, manifest);
        }
    }

    int run() {
        for (const std::string& problem : problems_) {
            run_.refuse("", problem, Reason::config);
        }
        if (volumes_.empty() && problems_.empty()) {
            throw Error{Reason::no_input, file_.string() + " has no line of type ecryptfs"};
        }
        if (!globals_.json) {
            for (const FstabVolume& volume : volumes_) {
                print(volume, words_.import.enroll.keys.passphrase_file);
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
            EnrollOptions words = run_.words_for(volume.request);
            words.keys.passphrase_option_file = volume.passphrase_file;
            if (run_.enroll(words, "line " + std::to_string(volume.line.number))) {
                done.insert(volume.line.number);
            }
        }
        if (words_.comment_out && !done.empty()) {
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
        write_file_atomically(file_.string() + ".before-sealmount", text_, mode);
        write_file_atomically(file_, fstab_with_comments(text_, done), mode);
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

    const Options& words_;
    const Globals& globals_;
    std::filesystem::path file_;
    std::string text_;
    ImportRun run_;
    std::vector<std::string> problems_;
    std::vector<FstabVolume> volumes_;
};

} // namespace

Run declare_import_fstab(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<Options>();
    verb.add_option("--fstab", words->file, "the table to read")->capture_default_str();
    add_import_options(verb, words->import,
                       "read the passphrase of all volumes from there, whatever their lines say");
    verb.add_flag("--comment-out", words->comment_out, "make comments of the lines that are enrolled");
    return [words, &globals] { return Import{*words, globals}.run(); };
}

} // namespace sealmount
