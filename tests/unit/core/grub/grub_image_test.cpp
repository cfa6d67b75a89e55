// What a GRUB image brings along.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/fat_disk.hpp"
#include "core/grub/grub_image.hpp"
#include "core/grub/squash_disk.hpp"
#include "core/grub/version_order.hpp"
#include "unit/core/grub/grub_image_maker.hpp"
#include "unit/log_maker.hpp"
#include "unit/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealmount {

using test::bytes_of;
using test::object;
using test::pe_with;
using test::put;
using test::small_disk;
using testing::ElementsAre;
using testing::Pair;

namespace {

/// A block of a squashfs' tables that is not compressed (fs/squashfs/squashfs_fs.h).
Bytes squash_block(const Bytes& content) {
    Bytes block;
    put(block, 0x8000U | content.size(), 2);
    put(block, content);
    return block;
}

/// A squashfs with a file in a directory; both tables are as Debian 13's image has them.
Bytes squash_disk(const std::string& directory, const std::string& file) {
    Bytes inodes;
    Bytes lists;
    const auto add_directory = [&](const std::string& name, const unsigned type, const unsigned inode) {
        const std::size_t begin = lists.size();
        put(lists, 0, 4);
        put(lists, 0, 4);
        put(lists, 1, 4);
        put(lists, inode, 2);
        put(lists, 0, 2);
        put(lists, type, 2);
        put(lists, name.size() - 1, 2);
        put(lists, bytes_of(name));
        put(inodes, 1, 2);
        inodes.resize(inodes.size() + 14);
        put(inodes, 0, 4);
        put(inodes, 2, 4);
        put(inodes, lists.size() - begin + 3, 2);
        put(inodes, begin, 2);
        put(inodes, 0, 4);
    };
    add_directory(file, 2, 99);
    add_directory(directory, 1, 0);
    Bytes disk = bytes_of("hsqs");
    disk.resize(28);
    put(disk, 4, 2);
    put(disk, 0, 2);
    put(disk, inodes.size() / 2, 8);
    disk.resize(64);
    put(disk, 96, 8);
    put(disk, 96 + 2 + inodes.size(), 8);
    disk.resize(96);
    put(disk, squash_block(inodes));
    put(disk, squash_block(lists));
    return disk;
}

Bytes grub_image(const std::string& version, const std::string& vendor, const std::string& script,
                 const Bytes& disk = small_disk(std::string(600, '#'))) {
    Bytes mods;
    put(mods, 0x676d696d, 4);
    put(mods, 0, 4);
    put(mods, 24, 8);
    Bytes objects = object(2, bytes_of(script + '\0'));
    put(objects, object(3, bytes_of(std::string{"/EFI/debian"} + '\0')));
    put(objects, object(1, disk));
    put(mods, objects.size() + 24, 8);
    put(mods, objects);
    const std::string sbat = "sbat,1,SBAT Version,sbat,1,https://x\ngrub,4,Free Software Foundation,grub," +
                             version + ",https://x\ngrub." + vendor + ",4,X,grub2," + version +
                             "-1,https://x\n";
    return pe_with({{"mods", mods}, {".sbat", bytes_of(sbat)}});
}

} // namespace

TEST(GrubImageTest, TheObjectsInAnImageAreRead) {
    const auto image = read_grub_image(grub_image("2.06", "debian", "normal (memdisk)/grub.cfg\n"));
    ASSERT_TRUE(image.has_value());
    EXPECT_EQ(image->prefix, "/EFI/debian");
    EXPECT_EQ(image->script, "normal (memdisk)/grub.cfg\n");
    EXPECT_EQ(image->version, "2.06");
    EXPECT_THAT(image->vendors, ElementsAre("debian"));
    EXPECT_THAT(image->memdisk,
                ElementsAre(Pair("/fonts/unicode.pf2", ""), Pair("/grub.cfg", std::string(600, '#'))));
}

TEST(GrubImageTest, VersionAndVendorSayHowItStarts) {
    const auto start = [](const std::string& version, const std::string& vendor, const std::string& script) {
        return start_of(read_grub_image(grub_image(version, vendor, script)).value(), "hd0,gpt1", "/EFI/x",
                        true);
    };
    const GrubStart old = start("2.06", "debian", "normal (memdisk)/grub.cfg\n");
    EXPECT_EQ(old.configuration, "(memdisk)/grub.cfg");
    EXPECT_EQ(old.prefix, "(hd0,gpt1)/EFI/debian");
    EXPECT_EQ(old.cmdpath, "(hd0,gpt1)/EFI/x");
    EXPECT_FALSE(old.stub_measures || old.setup_can_be_asked || old.looks_first || old.names_first);
    const GrubStart recent = start("2.12", "debian", "normal (memdisk)/grub.cfg\n");
    EXPECT_TRUE(recent.stub_measures && recent.setup_can_be_asked && recent.looks_first &&
                !recent.names_first);
    EXPECT_TRUE(start("2.06", "fedora", "normal x").names_first);
    EXPECT_EQ(test::reason_of([&] { (void)start("2.06", "debian", "echo a; normal x"); }), Reason::bad_data);
}

TEST(GrubImageTest, WhatIsNoImageOfGrubIsNone) {
    EXPECT_FALSE(read_grub_image(bytes_of("MZ")).has_value());
    EXPECT_FALSE(read_grub_image(pe_with({{".text", Bytes(4)}})).has_value());
    EXPECT_FALSE(read_grub_image(pe_with({{"mods", Bytes(64)}})).has_value());
    const Bytes whole = grub_image("2.12", "debian", "normal x");
    for (std::size_t size = 0; size < whole.size(); size += 61) {
        (void)read_grub_image(BytesView{whole}.first(size));
    }
}

TEST(GrubImageTest, DamagedDisksAreReadAsFarAsTheyGo) {
    const Bytes whole = small_disk("set x=1\n");
    EXPECT_EQ(fat_files(whole).size(), 2U);
    for (std::size_t size = 0; size < whole.size(); size += 37) {
        (void)fat_files(BytesView{whole}.first(size));
    }
    Bytes loop = whole;
    loop[512 + 3] = std::byte{2}; // cluster 2 comes after itself
    EXPECT_LE(fat_files(loop).at("/grub.cfg").size(), 8U);
}

TEST(GrubImageTest, NamesOnASquashfsAreRead) {
    const Bytes disk = squash_disk("fonts", "unicode.pf2");
    EXPECT_THAT(squash_names(disk).value(), ElementsAre("/fonts/unicode.pf2"));
    const auto image = read_grub_image(grub_image("2.12", "debian", "normal x", disk)).value();
    EXPECT_THAT(image.memdisk, ElementsAre(Pair("/fonts/unicode.pf2", "")));
    EXPECT_FALSE(image.has_unread_disk);
    for (std::size_t size = 0; size < disk.size(); ++size) {
        EXPECT_FALSE(squash_names(BytesView{disk}.first(size)).has_value()) << size;
    }
    Bytes packed = disk;
    packed[97] = std::byte{0}; // the table of inodes is compressed
    EXPECT_FALSE(squash_names(packed).has_value());
}

TEST(GrubImageTest, ADiskThatCannotBeReadIsRefused) {
    const auto reason = [](const Bytes& disk) {
        const auto image = read_grub_image(grub_image("2.12", "debian", "normal x", disk)).value();
        return test::reason_of([&] { (void)start_of(image, "hd0,gpt1", "/EFI/x", true); });
    };
    EXPECT_EQ(reason(bytes_of("another kind of disk")), Reason::bad_data);
    EXPECT_EQ(reason(squash_disk("x", "grub.cfg")), Reason::bad_data);
}

TEST(VersionOrderTest, NamesAreOrderedAsRpmDoes) {
    EXPECT_GT(compare_entry_names("id-6.10.3-200.fc40.x86_64", "id-6.9.4-200.fc40.x86_64"), 0);
    EXPECT_LT(compare_entry_names("id-6.9.4-1", "id-6.9.4-10"), 0);
    EXPECT_EQ(compare_entry_names("id-6.09-1", "id-6.9-1"), 0);
    EXPECT_LT(compare_entry_names("id-6.9~rc1-1", "id-6.9-1"), 0);
    EXPECT_GT(compare_entry_names("id-6.9+1-1", "id-6.9-1"), 0);
    EXPECT_LT(compare_entry_names("id-0-rescue", "id-6.9-1"), 0);
    EXPECT_GT(compare_entry_names("b", "a"), 0);
    EXPECT_GT(compare_entry_names("a-1", "a"), 0);
    EXPECT_LT(compare_entry_names("a-1-b1", "a-1-bb"), 0);
    EXPECT_GT(compare_entry_names("a-1-1", "a-1-b"), 0);
}

} // namespace sealmount
