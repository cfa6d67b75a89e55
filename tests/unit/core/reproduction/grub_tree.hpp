// A whole machine that GRUB has started, as a tree of files and a log: for tests of what follows from them.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/grub/grub_image.hpp"
#include "core/reproduction/mounted_machine.hpp"
#include "core/volume/paths.hpp"
#include "unit/core/grub/grub_image_maker.hpp"
#include "unit/core/grub/grub_machine_fake.hpp"
#include "unit/core/prediction/pe_vectors.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace sealmount::test {

/// A root with an EFI system partition on sda1, and the rest on sda2; Debian's GRUB 2.06 without Secure Boot.
class GrubTree {
  public:
    GrubTree() {
        std::string name = (std::filesystem::temp_directory_path() / "sealmount-grub.XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error{"mkdtemp"};
        }
        root = std::filesystem::canonical(name);
        disk("sda", "8:0", "");
        partition(1, "8:1", "vfat", "1A2B-3C4D", esp_guid);
        partition(2, "8:2", "ext4", grub_root_uuid, "22222222-2222-2222-2222-222222222222");
        write("/proc/self/mountinfo", "30 1 8:2 / / rw - ext4 /dev/sda2 rw\n"
                                      "31 30 8:1 / /boot/efi rw - vfat /dev/sda1 rw\n");
        write("/proc/sys/kernel/random/boot_id", "8d1d4c1e-0000-4000-8000-000000000001\n");
        write("/boot/efi/EFI/debian/grubx64.efi", grub_image("2.06"));
        write("/boot/efi/EFI/debian/shimx64.efi", pe_file("pe32.efi"));
        write("/boot/efi/EFI/debian/grub.cfg", "search.fs_uuid " + grub_root_uuid +
                                                   " root\n"
                                                   "set prefix=($root)'/boot/grub'\n"
                                                   "configfile $prefix/grub.cfg\n");
        write("/boot/grub/grubenv", environment_block(""));
        write("/boot/grub/grub.cfg", configuration("5", "1"));
        for (const char* const kernel : {"1", "2"}) {
            write(std::string{"/boot/vmlinuz-"} + kernel,
                  pe_file(*kernel == '1' ? "kernel-old.efi" : "kernel-new.efi"));
            write(std::string{"/boot/initrd-"} + kernel, std::string{"initrd of "} + kernel);
        }
    }
    GrubTree(const GrubTree&) = delete;
    GrubTree& operator=(const GrubTree&) = delete;
    ~GrubTree() { std::filesystem::remove_all(root); }

    void write(const std::string& path, const std::string& content) const {
        const std::filesystem::path file = root / path.substr(1);
        std::filesystem::create_directories(file.parent_path());
        std::ofstream{file, std::ios::binary} << content;
    }
    [[nodiscard]] std::string read(const std::string& path) const {
        return read_file((root / path.substr(1)).string());
    }

    /// As grub-mkconfig writes it, in short: a default for one boot, a time-out, two entries.
    static std::string configuration(const std::string& timeout, const std::string& kernel) {
        return "if [ -s $prefix/grubenv ]; then\n"
               "  load_env\n"
               "fi\n"
               "if [ \"${next_entry}\" ]; then\n"
               "  set default=\"${next_entry}\"\n"
               "  set next_entry=\n"
               "  save_env next_entry\n"
               "else\n"
               "  set default=\"0\"\n"
               "fi\n"
               "if [ \"${recordfail}\" = 1 ]; then\n"
               "  set timeout=30\n"
               "else\n"
               "  set timeout=" +
               timeout +
               "\n"
               "fi\n"
               "menuentry 'Debian' --id debian {\n"
               "  linux /boot/vmlinuz-" +
               kernel + " root=UUID=" + grub_root_uuid + " ro quiet\n  initrd /boot/initrd-" + kernel +
               "\n}\n"
               "menuentry 'Other' --id other {\n"
               "  linux /boot/vmlinuz-2 ro\n  initrd /boot/initrd-2\n}\n";
    }

    static std::string grub_image(const std::string& version) {
        Bytes mods;
        put(mods, 0x676d696d, 4);
        put(mods, 0, 4);
        put(mods, 24, 8);
        Bytes objects;
        for (const std::string& name : debian_start().modules) {
            put(objects, object(0, bytes_of(module_file(name, ""))));
        }
        put(objects, object(3, bytes_of(std::string{"/EFI/debian"} + '\0')));
        put(mods, objects.size() + 24, 8);
        put(mods, objects);
        const std::string sbat = "grub,4,Free Software Foundation,grub," + version + ",https://x\n";
        const Bytes image = pe_with({{"mods", mods}, {".sbat", bytes_of(sbat)}});
        return {reinterpret_cast<const char*>(image.data()), image.size()};
    }

    /// What a firmware logs of a boot with the files as they are now.
    [[nodiscard]] EventLog boot() const {
        MountedMachine machine;
        machine.add({.name = "hd0,gpt1", .uuid = "1A2B-3C4D", .label = ""},
                    MountedFiles{"hd0,gpt1", {{.root = "/", .mountpoint = root / "boot/efi"}}});
        machine.add({.name = "hd0,gpt2", .uuid = grub_root_uuid, .label = ""},
                    MountedFiles{"hd0,gpt2", {{.root = "/", .mountpoint = root}}});
        const std::string image_file = read("/boot/efi/EFI/debian/grubx64.efi");
        const auto image = read_grub_image(as_bytes(image_file)).value();
        GrubStart start = start_of(image, "hd0,gpt1", "/EFI/debian", false);
        start.choice = choice;
        const GrubBoot computed = run_grub(start, machine);
        AgileLog log{{sha256_bank}};
        add_image(log, image_path(true, "\\EFI\\debian\\shimx64.efi"),
                  read("/boot/efi/EFI/debian/shimx64.efi"));
        add_image(log, image_path(false, "\\EFI\\debian\\grubx64.efi"), image_file);
        for (const GrubEvent& event : computed.events) {
            const std::string text = log_text(event) + '\0';
            const std::string content = event.rewritten ? *event.rewritten
                                        : event.kind == GrubEventKind::file
                                            ? machine.read_image(event.files.front())
                                            : event.text;
            log.add(event.pcr, EventType::ipl, bytes_of(content), bytes_of(text));
        }
        if (computed.kernel) {
            add_image(log, {}, machine.read_image(computed.kernel->image));
        }
        return log.parsed();
    }

    /// GRUB has run: what it left in grubenv is there.
    void set_environment(const std::string& lines) const {
        write("/boot/grub/grubenv", environment_block(lines));
    }

    [[nodiscard]] Paths paths() const { return Paths{root}; }

    std::filesystem::path root;
    std::optional<std::string> choice; ///< at the menu, in boot()

  private:
    static constexpr const char* esp_guid = "11111111-1111-1111-1111-111111111111";

    void disk(const std::string& name, const std::string& number, const std::string& properties) const {
        write("/sys/devices/pci0/" + name + "/dev", number + "\n");
        write("/run/udev/data/b" + number, properties);
        std::filesystem::create_directories(root / "sys/class/block");
        std::filesystem::create_symlink("../../devices/pci0/" + name, root / "sys/class/block" / name);
    }

    void partition(const unsigned number, const std::string& device, const std::string& type,
                   const std::string& uuid, const std::string& guid) const {
        const std::string name = "sda" + std::to_string(number);
        write("/sys/devices/pci0/sda/" + name + "/dev", device + "\n");
        write("/sys/devices/pci0/sda/" + name + "/partition", std::to_string(number) + "\n");
        write("/run/udev/data/b" + device,
              "I:1\nE:ID_FS_USAGE=filesystem\nE:ID_FS_TYPE=" + type + "\nE:ID_FS_UUID_ENC=" + uuid +
                  "\nE:ID_PART_ENTRY_SCHEME=gpt\nE:ID_PART_ENTRY_UUID=" + guid + "\n");
        std::filesystem::create_symlink("../../devices/pci0/sda/" + name, root / "sys/class/block" / name);
    }

    static Bytes image_path(const bool with_partition, const std::string& path) {
        Bytes device_path;
        if (with_partition) {
            put(device_path, 0x2a0104, 3);
            put(device_path, 0, 1);
            put(device_path, 1, 4);
            put(device_path, 2048, 8);
            put(device_path, 4096, 8);
            put(device_path, Bytes(16, std::byte{0x11}));
            put(device_path, 0x0202, 2);
        }
        const Bytes name = wide_with_nul(path);
        put(device_path, 0x0404, 2);
        put(device_path, 4 + name.size(), 2);
        put(device_path, name);
        put(device_path, 0x04ff7f, 4);
        return device_path;
    }

    static void add_image(AgileLog& log, const Bytes& path, const std::string& contents) {
        Bytes data(24);
        put(data, path.size(), 8);
        put(data, path);
        log.add(4, EventType::boot_services_application, bytes_of("in place of the digest"), data);
        const Bytes value = PeImage::parse(as_bytes(contents)).value().authenticode(sha256_bank);
        const Bytes wrong = sealmount::digest(sha256_bank, {bytes_of("in place of the digest")});
        const auto at = std::ranges::search(log.bytes, wrong);
        std::ranges::copy(value, at.begin());
    }
};

} // namespace sealmount::test
