// SmallVector: elements inside and outside of the object, and constructors that throw.
#include "kagari/base/small_vector.h"

#include "check.h"

using kagari::SmallVector;

namespace {

int alive = 0;
struct Counted {
  explicit Counted(bool fails = false) {
    if (fails) throw 1;
    ++alive;
  }
  Counted(const Counted&) { ++alive; }
  Counted(Counted&&) noexcept { ++alive; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { --alive; }
};

void a_failed_constructor_leaves_no_element() {
  for (int before = 0; before < 4; ++before) {
    {
      SmallVector<Counted, 2> v;
      for (int i = 0; i < before; ++i) v.emplace_back();
      bool thrown = false;
      try {
        v.emplace_back(true);
      } catch (int) {
        thrown = true;
      }
      EXPECT(thrown);
      EXPECT(int(v.size()) == before);
      EXPECT(alive == before);
    }
    EXPECT(alive == 0);
  }
}

void values_survive_growth_and_moves() {
  SmallVector<int, 2> v;
  for (int i = 0; i < 9; ++i) v.push_back(i);
  SmallVector<int, 2> moved = std::move(v);
  EXPECT(moved.size() == 9);
  for (int i = 0; i < 9; ++i) EXPECT(moved[size_t(i)] == i);
  moved.erase(&moved[0]);
  moved.insert(&moved[1], 42);
  EXPECT(moved[0] == 1);
  EXPECT(moved[1] == 42);
  EXPECT(moved.back() == 8);
}

}  // namespace

int main() {
  a_failed_constructor_leaves_no_element();
  values_survive_growth_and_moves();
  return finish();
}
