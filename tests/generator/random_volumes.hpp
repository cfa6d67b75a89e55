// Random volumes as the manifest allows them, and what their mount units must contain. Independent of the
// code that writes units: the rules of systemd-escape(1), systemd.mount(5) and the manuals of this project,
// written again.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/volume/manifest.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount::test {

/// The same on every machine for the same seed: std::mt19937_64 is the standard's to the bit, its
/// distributions are not.
class Dice {
  public:
    explicit Dice(std::uint64_t seed) : engine_(seed) {}

    /// 0 to `sides` - 1.
    [[nodiscard]] std::size_t roll(std::size_t sides) { return engine_() % sides; }
    [[nodiscard]] bool chance(std::size_t one_in) { return roll(one_in) == 0; }
    template<typename List>
    [[nodiscard]] const auto& pick(const List& list) {
        return list[roll(std::size(list))];
    }

  private:
    std::mt19937_64 engine_;
};

/// Volumes that the manifest allows, no two with the same name or mount point. Their paths hold everything
/// that could mean something to a unit file, a shell, a mount table or systemd's escaping, and letters of all
/// planes.
[[nodiscard]] std::vector<Volume> random_volumes(std::uint64_t seed, std::size_t count);

/// Up to some 40 bytes of any value: mostly what no manifest may hold.
[[nodiscard]] std::string random_bytes(Dice& dice);

/// A manifest of these volumes; members with their default value are left out or not, at random.
[[nodiscard]] std::string manifest_text(const std::vector<Volume>& volumes, Dice& dice);

/// What systemd-escape --path --suffix=mount gives.
[[nodiscard]] std::string meant_unit_name(std::string_view path);

/// The value of Options=, before systemd takes specifiers for what they are.
[[nodiscard]] std::string meant_options(const Volume& volume);

} // namespace sealmount::test
