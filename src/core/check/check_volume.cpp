// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/check/check_volume.hpp"

#include "core/ecryptfs/encrypted_key.hpp"
#include "core/volume/unit_text.hpp"
#include "sys/files/files.hpp"
#include "sys/files/fstab.hpp"
#include "sys/files/guard.hpp"
#include "sys/files/idle_mountpoint.hpp"
#include "sys/files/mounts.hpp"

namespace sealmount {

namespace {

namespace fs = std::filesystem;

class VolumeCheck {
  public:
    VolumeCheck(const CheckContext& context, const Volume& volume, std::vector<Finding>& findings)
        : context_(context), volume_(volume), findings_(findings), about_("volume " + volume.name),
          lower_(context.store.paths().below_root(volume.lower)),
          mountpoint_(context.store.paths().below_root(volume.mountpoint)) {}

    void run(const SecretBytes* const master) {
        for (const std::string& signature : volume_.signatures()) {
            look([&] { key(signature, master); });
        }
        look([&] { lower_directory(); });
        look([&] { mount_point(); });
        if (context_.is_this_machine) {
            look([&] { units(); });
            look([&] { keys_in_the_way(); });
        }
        look([&] { table_of_mounts(); });
    }

  private:
    template<typename Look>
    void look(const Look& what) {
        try {
            what();
        } catch (const Error& error) {
            add(Severity::bad, "accident", error.what(), "mend what the message says");
        } catch (const fs::filesystem_error& error) {
            add(Severity::bad, "accident", error.what(), "mend what the message says");
        }
    }

    void add(const Severity severity, std::string item, std::string words, std::string mend) {
        findings_.push_back({about_, std::move(item), severity, std::move(words), std::move(mend)});
    }
    void good(std::string item, std::string words) {
        add(Severity::good, std::move(item), std::move(words), {});
    }

    void key(const std::string& signature, const SecretBytes* const master) {
        const fs::path file = context_.store.paths().key(signature);
        const std::string mend = "restore it from a backup, or enroll the volume again";
        try {
            const std::string text = context_.store.key(signature);
            check_privacy(file, about_, findings_);
            const std::string description = master_description_of(text);
            if (description != "trusted:" + volume_.master) {
                add(Severity::bad, "key",
                    file.string() + ": is under " + description + ", but the manifest says master \"" +
                        volume_.master + "\"",
                    "write the right \"master\" into the manifest");
            } else if (master != nullptr) {
                static_cast<void>(open_encrypted_key(text, *master));
                good("key", "the key " + signature + " opens under the master key");
            }
        } catch (const Error& error) {
            const std::string words = error.what();
            add(Severity::bad, "key",
                words.find(file.string()) == std::string::npos ? file.string() + ": " + words : words, mend);
        }
    }

    void lower_directory() {
        if (fs::is_directory(lower_)) {
            good("lower", volume_.lower + " is there");
        } else {
            add(Severity::bad, "lower", volume_.lower + " is not a directory, or not there",
                "mount the file system that it is on, or mend \"lower\" in the manifest");
        }
    }

    void mount_point() {
        const auto mounted = mount_at(mountpoint_);
        if (mounted && mounted->type == "ecryptfs") {
            good("mounted", volume_.mountpoint + " is mounted");
        } else if (mounted) {
            add(Severity::bad, "mounted",
                mounted->source + " (" + mounted->type + ") is mounted on " + volume_.mountpoint,
                "unmount it, or choose another mount point");
            return;
        } else if (!fs::exists(mountpoint_)) {
            good("mountpoint", volume_.mountpoint + " will be made");
            return;
        } else if (!fs::is_directory(mountpoint_)) {
            add(Severity::bad, "mountpoint", volume_.mountpoint + " is not a directory",
                "move it away, or choose another mount point");
            return;
        } else if (std::error_code failed;
                   volume_.mountpoint != volume_.lower && !is_idle(mountpoint_, failed) && !failed) {
            add(Severity::bad, "plaintext",
                volume_.mountpoint + " holds files that are not in the volume: a program wrote them while "
                                     "it was not mounted",
                "move them away (if they are private: they are not encrypted), then into the mounted volume");
        }
        if (volume_.mountpoint == volume_.lower) {
            return;
        }
        if (is_guarded(mountpoint_)) {
            good("guard", volume_.mountpoint + " takes no files while it is not mounted");
        } else {
            add(Severity::warning, "guard",
                volume_.mountpoint + " would take plaintext files while the volume is not mounted",
                "while it is not mounted, run 'chattr +i " + volume_.mountpoint + "'");
        }
    }

    /// A line of the table makes a mount unit of its own, which wins over ours.
    void table_of_mounts() {
        const fs::path file = context_.store.paths().below_root("/etc/fstab");
        const auto text = read_trusted_file_if_exists(file);
        for (const FstabLine& line : read_fstab(text.value_or(""))) {
            if (line.mountpoint == volume_.mountpoint) {
                add(Severity::warning, "fstab",
                    file.string() + ": line " + std::to_string(line.number) + " mounts " +
                        volume_.mountpoint + " as well, and wins at boot: the TPM is not asked",
                    line.type == "ecryptfs" ? "when you have seen the volume open, 'sealmount import-fstab "
                                              "--comment-out' makes a "
                                              "comment of it"
                                            : "take it out, or choose another mount point");
            }
        }
    }

    void units() {
        const std::string name = mount_unit_name(volume_.mountpoint);
        const auto text = read_trusted_file_if_exists(fs::path{"/run/systemd/generator"} / name);
        if (text && (*text == mount_unit(volume_, true) || *text == mount_unit(volume_, false))) {
            good("units", name + " is as the manifest says");
        } else {
            add(Severity::bad, "units",
                text ? name + " is not as the manifest says" : "systemd has no " + name + " of ours",
                "run 'systemctl daemon-reload', and look at 'journalctl -b -t sealmount-generator -k'");
        }
    }

    void keys_in_the_way() {
        for (const std::string& signature : volume_.signatures()) {
            if (context_.machine.keyring.has_user_key(signature)) {
                add(Severity::warning, "user-key",
                    "a user key " + signature +
                        " is in root's keyring: eCryptfs takes it instead of ours, and root can read it",
                    "run 'keyctl purge user " + signature + "'");
            }
        }
    }

    const CheckContext& context_;
    const Volume& volume_;
    std::vector<Finding>& findings_;
    std::string about_;
    fs::path lower_;
    fs::path mountpoint_;
};

} // namespace

void check_volume(const CheckContext& context, const Volume& volume, const SecretBytes* const master,
                  std::vector<Finding>& findings) {
    VolumeCheck{context, volume, findings}.run(master);
}

void check_privacy(const fs::path& file, const std::string& about, std::vector<Finding>& findings) {
    constexpr auto others = fs::perms::group_all | fs::perms::others_all;
    if ((fs::status(file).permissions() & others) != fs::perms::none) {
        findings.push_back({about, "permissions", Severity::warning,
                            file.string() + " can be read by others than root",
                            "run 'chmod 600 " + file.string() + "'"});
    }
}

} // namespace sealmount
