// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/import/fstab_import.hpp"

#include "core/volume/volume_name.hpp"
#include "unit/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealmount {

using test::secret;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace {

FstabVolume only_volume(const std::string& options) {
    std::vector<std::string> problems;
    auto volumes =
        fstab_volumes(read_fstab("/srv/.vault /srv/vault ecryptfs " + options + " 0 0\n"), {}, problems);
    EXPECT_THAT(problems, IsEmpty());
    return volumes.at(0);
}

std::string passphrase_in(const std::string& text) {
    const auto passphrase = passphrase_in_file(secret(text));
    return passphrase
               ? std::string{reinterpret_cast<const char*>(passphrase->bytes().data()), passphrase->size()}
               : "(none)";
}

} // namespace

TEST(FstabTest, ReadsWhatGetmntentReads) {
    const auto lines =
        read_fstab("# a comment\n"
                   "UUID=1 / ext4 defaults 0 1\n"
                   "\n"
                   "  /srv/.a\\040b  /srv/a\\040b ecryptfs noauto,ecryptfs_sig=7f475b5d20a645dc\n"
                   "half of a line\n"
                   "/dev/sr0 /media iso9660 ro 0 0");
    ASSERT_EQ(lines.size(), 4U);
    EXPECT_EQ(lines[1], (FstabLine{.number = 4,
                                   .source = "/srv/.a b",
                                   .mountpoint = "/srv/a b",
                                   .type = "ecryptfs",
                                   .options = "noauto,ecryptfs_sig=7f475b5d20a645dc"}));
    EXPECT_EQ(lines.back().number, 6U);
}

TEST(FstabTest, AnEmptyTableHasNoLines) {
    EXPECT_THAT(read_fstab(""), IsEmpty());
    EXPECT_THAT(read_fstab("\n\n#\n"), IsEmpty());
}

TEST(FstabImportTest, TakesWhatSaysHowFilesAreStored) {
    const FstabVolume volume =
        only_volume("rw,noauto,nosuid,key=passphrase:passphrase_passwd_file=/root/pw,ecryptfs_cipher=twofish,"
                    "ecryptfs_key_bytes=32,ecryptfs_fnek_sig=c61563a65ef80ad1,ecryptfs_sig=7f475b5d20a645dc,"
                    "ecryptfs_passthrough=y,ecryptfs_unlink_sigs,no_sig_cache,verbosity=0");
    EXPECT_EQ(volume.request.volume.name, "vault");
    EXPECT_EQ(volume.request.volume.lower, "/srv/.vault");
    EXPECT_EQ(volume.request.volume.mountpoint, "/srv/vault");
    EXPECT_EQ(volume.request.cipher, "twofish");
    EXPECT_EQ(volume.request.key_bytes, 32U);
    EXPECT_TRUE(volume.request.filename_encryption);
    EXPECT_TRUE(volume.request.volume.noauto);
    EXPECT_THAT(volume.request.volume.options, ElementsAre("rw", "nosuid", "ecryptfs_passthrough"));
    EXPECT_EQ(volume.passphrase_file, "/root/pw");
    EXPECT_THAT(volume.dropped, IsEmpty());
}

TEST(FstabImportTest, SaysWhatItLeavesOut) {
    const FstabVolume volume =
        only_volume("defaults,nofail,x-systemd.automount,passphrase_passwd=secret,_netdev");
    EXPECT_THAT(volume.dropped, ElementsAre("x-systemd.automount", "passphrase_passwd", "_netdev"));
    EXPECT_THAT(volume.request.volume.options, IsEmpty());
}

TEST(FstabImportTest, ANoIsANo) {
    const FstabVolume volume = only_volume("ecryptfs_passthrough=n,ecryptfs_enable_filename_crypto=n");
    EXPECT_THAT(volume.request.volume.options, IsEmpty());
    EXPECT_FALSE(volume.request.filename_encryption);
    EXPECT_TRUE(only_volume("ecryptfs_enable_filename_crypto=yes").request.filename_encryption);
}

TEST(FstabImportTest, OtherTypesAreNotOurs) {
    std::vector<std::string> problems;
    EXPECT_THAT(fstab_volumes(read_fstab("/dev/vda / ext4 defaults\n"), {}, problems), IsEmpty());
}

TEST(FstabImportTest, APathThatNoVolumeCanHaveIsReported) {
    std::vector<std::string> problems;
    EXPECT_THAT(fstab_volumes(read_fstab("srv/.vault /srv/vault ecryptfs defaults\n"), {}, problems),
                IsEmpty());
    EXPECT_THAT(problems, ElementsAre(HasSubstr("line 1: ")));
}

TEST(FstabImportTest, NamesComeFromTheMountPoint) {
    EXPECT_EQ(volume_name_for("/srv/vault", {}), "vault");
    EXPECT_EQ(volume_name_for("/srv/vault", {"vault", "vault-2"}), "vault-3");
    EXPECT_EQ(volume_name_for("/home/Anna/.Private", {}), "private");
    EXPECT_EQ(volume_name_for("/srv/a b\u00e4", {}), "a-b--");
    EXPECT_EQ(volume_name_for("/", {}), "volume");
    EXPECT_EQ(volume_name_for("/srv/" + std::string(200, 'x'), {}).size(), 60U);
}

TEST(FstabImportTest, FindsThePassphraseAsEcryptfsUtilsDoes) {
    EXPECT_EQ(passphrase_in("passphrase_passwd=correct horse battery\n"), "correct horse battery");
    EXPECT_EQ(passphrase_in("passwd=x"), "x");
    EXPECT_EQ(passphrase_in("verbosity=0\npassphrase_passwd=x\n"), "x");
    EXPECT_EQ(passphrase_in("passphrase_passwd=\n"), "(none)");
    EXPECT_EQ(passphrase_in("correct horse battery\n"), "(none)");
    EXPECT_EQ(passphrase_in(""), "(none)");
}

TEST(FstabImportTest, CommentsOutLinesAndNothingElse) {
    EXPECT_EQ(fstab_with_comments("a\nb\n\nc", {2, 4}), "a\n# sealmount: b\n\n# sealmount: c");
    EXPECT_EQ(fstab_with_comments("a\n", {}), "a\n");
}

} // namespace sealmount
