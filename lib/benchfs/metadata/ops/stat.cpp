#include "benchfs/metadata/name_space.hpp"

namespace benchfs::metadata {

result<attributes> name_space::stat(file_id id) const { return attributes_of(id); }

} // namespace benchfs::metadata
