// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/tpm/object_demands.hpp"

#include <algorithm>

namespace sealmount {

namespace {

// TPM2B_PUBLIC: size (2), type (2), nameAlg (2), objectAttributes (4), authPolicy with its size (2), and what
// is of no interest here (TPM 2.0 Part 2, 12.2.4).
constexpr std::size_t type_at = 2;
constexpr std::size_t algorithm_at = 4;
constexpr std::size_t attributes_at = 6;
constexpr std::size_t policy_size_at = 10;
constexpr std::size_t policy_at = 12;

std::uint32_t big_endian_at(const std::vector<std::byte>& bytes, const std::size_t offset,
                            const std::size_t size) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < size; ++i) {
        number = number << 8 | std::to_integer<std::uint32_t>(bytes[offset + i]);
    }
    return number;
}

} // namespace

std::optional<ObjectDemands> demands_of(const SealedObject& object) {
    constexpr std::uint32_t keyed_hash = 0x0008;
    constexpr std::uint32_t sha256_algorithm = 0x000b;
    const auto& area = object.public_area;
    ObjectDemands demands;
    if (area.size() < policy_at + demands.policy.size() || big_endian_at(area, 0, 2) != area.size() - 2 ||
        big_endian_at(area, type_at, 2) != keyed_hash ||
        big_endian_at(area, algorithm_at, 2) != sha256_algorithm ||
        big_endian_at(area, policy_size_at, 2) != demands.policy.size()) {
        return std::nullopt;
    }
    demands.attributes = big_endian_at(area, attributes_at, 4);
    std::copy_n(area.begin() + policy_at, demands.policy.size(), demands.policy.begin());
    return demands;
}

} // namespace sealmount
