#include "library.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <complex>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <new>
#include <set>
#include <string_view>
#include <vector>

#include "../ends.h"
#include "symbols.h"

#ifdef __APPLE__
#include <crt_externs.h>
#define BS_ENVIRON (*_NSGetEnviron())
#else
#define BS_ENVIRON environ
#endif

namespace backsolve::la {

std::string Function::find_all(void* library, const std::string& prefix) {
  for (Function* f = first_; f != nullptr; f = f->next_) {
    f->at_ = dlsym(library, (prefix + f->name_).c_str());
    if (f->at_ == nullptr) return prefix + f->name_;
  }
  return "";
}

namespace {

struct Library {
  void (*set_num_threads)(int) = nullptr;
  int (*get_num_threads)() = nullptr;
  int (*get_parallel)() = nullptr;
  char* (*get_config)() = nullptr;
  void* (*memory_alloc)(int) = nullptr;  // null where the library keeps them to itself
  void (*memory_free)(void*) = nullptr;
} library;

template <class F>
bool find(void* handle, const std::string& name, F*& f) {
  f = reinterpret_cast<F*>(dlsym(handle, name.c_str()));
  return f != nullptr;
}

/// Everything the addon calls, or what is wrong with this library.
std::string bind(void* handle) {
  const std::string prefix = dlsym(handle, "scipy_openblas_get_config") != nullptr ? "scipy_" : "", openblas = prefix + "openblas_";
  if (!find(handle, openblas + "set_num_threads", library.set_num_threads) ||
      !find(handle, openblas + "get_num_threads", library.get_num_threads) ||
      !find(handle, openblas + "get_parallel", library.get_parallel) || !find(handle, openblas + "get_config", library.get_config))
    return "is no OpenBLAS";
  if (std::strstr(library.get_config(), "USE64BITINT") != nullptr) return "has 64-bit integers";
  if (const std::string name = Function::find_all(handle, prefix); !name.empty()) return "has no " + name;
  find(handle, "blas_memory_alloc", library.memory_alloc);
  if (!find(handle, "blas_memory_free", library.memory_free)) library.memory_alloc = nullptr;
  return "";
}

/// While it lives, OPENBLAS_NUM_THREADS and OMP_NUM_THREADS, which a build with OpenMP reads instead, are 1 for who asks, and
/// OPENBLAS_CORETYPE is the basic one of the architecture if so wanted. Another array of variables takes the place of the process's for
/// that time: setenv could free one that another thread is reading. Leaked for the same reason.
class Environment {
 public:
  explicit Environment(bool basic) : before_(BS_ENVIRON) {
    static char ours[][32] = {"OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1", "OPENBLAS_CORETYPE=ARMV8"};
    auto* const variables = new std::vector<char*>;
    for (int i = 0; i < (basic ? 3 : 2); ++i) variables->push_back(ours[i]);
    const auto replaced = [&](std::string_view variable) {
      for (const char* v : *variables)
        if (variable.starts_with(std::string_view(v).substr(0, std::string_view(v).find('=') + 1))) return true;
      return false;
    };
    std::vector<char*> others;
    for (char** v = before_; v != nullptr && *v != nullptr; ++v)
      if (!replaced(*v)) others.push_back(*v);
    variables->insert(variables->end(), others.begin(), others.end());
    variables->push_back(nullptr);
    BS_ENVIRON = variables->data();
  }
  ~Environment() { BS_ENVIRON = before_; }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  char** before_;
};

/// Beside the addon, where it was found when the addon was built, and what the system's loader finds.
std::vector<std::string> candidates() {
#ifdef __APPLE__
  constexpr const char* kNames[] = {"libscipy_openblas.dylib", "libopenblas.dylib", "libopenblas.0.dylib"};
#else
  constexpr const char* kNames[] = {"libscipy_openblas.so", "libopenblas.so", "libopenblas.so.0", "libopenblas.so.3"};
#endif
  std::vector<std::string> list;
  Dl_info self;
  if (dladdr(reinterpret_cast<void*>(&candidates), &self) != 0) {
    const std::string path = self.dli_fname, folder = path.substr(0, path.rfind('/') + 1);
    for (const char* name : kNames) {
      if (access((folder + name).c_str(), F_OK) == 0) list.push_back(folder + name);
    }
  }
  if constexpr (sizeof(BS_OPENBLAS) > 1) list.push_back(BS_OPENBLAS);
  for (const char* name : kNames) list.push_back(name);
  return list;
}

/// OpenBLAS calls its own functions by name: a BLAS that the whole process sees, such as one of LD_PRELOAD, takes their place, with other
/// integers or another table of kernels. Then OpenBLAS is to look in itself first. Not so without need: it would pass by a preloaded
/// malloc, and free what that gave out.
int own_names_first() {
#ifdef RTLD_DEEPBIND
  for (const char* name :
       {"dgemm_", "dlarf1f_"}) {  // scipy-openblas has the older functions of LAPACK under other names, the newer plainly
    if (dlsym(RTLD_DEFAULT, name) != nullptr) return RTLD_DEEPBIND;
  }
#endif
  return 0;
}

/// What OpenBLAS maps for a call: 128 MiB on x86-64 and in later versions on ARM, less elsewhere.
constexpr std::size_t kBuffer = std::size_t{128} << 20;

/// Whether so many buffers could be mapped now.
bool fits(int buffers) {
  std::vector<void*> maps;
  while (static_cast<int>(maps.size()) < buffers) {
    void* const p = mmap(nullptr, kBuffer, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) break;
    maps.push_back(p);
  }
  for (void* p : maps) munmap(p, kBuffer);
  return static_cast<int>(maps.size()) == buffers;
}

/// Whether products of small integers come out exactly. The kernels for the newest processors are chosen by what a processor says of
/// itself, also where that is an emulator whose matrix instructions are wrong (QEMU 7.2, SME).
template <class T>
bool multiplies() {
  constexpr Int n = 33;
  const T one = 1, zero = 0;
  std::vector<T> a(n * n), b(n * n), c(n * n);
  const auto digit = [](Int i) { return T(static_cast<Real<T>>(i % 7 - 3)); };
  for (Int i = 0; i < n * n; ++i) a[i] = digit(i), b[i] = digit(i * i % 11);
  symbol::gemm<T>("N", "T", &n, &n, &n, &one, a.data(), &n, b.data(), &n, &zero, c.data(), &n, 1, 1);
  for (Int i = 0; i < n; ++i)
    for (Int j = 0; j < n; ++j) {
      T sum = 0;
      for (Int k = 0; k < n; ++k) sum += a[i + k * n] * b[j + k * n];
      if (c[i + j * n] != sum) return false;
    }
  return true;
}
bool computes() {
  if (!fits(1)) return true;  // without a buffer it would look for one for ever: who calls will be told
  return multiplies<float>() && multiplies<double>() && multiplies<std::complex<float>>() && multiplies<std::complex<double>>();
}

#ifdef __aarch64__
constexpr bool kBasics[] = {false, true};
#else
constexpr bool kBasics[] = {false};
#endif

std::string load_once() {
  const int own_first = own_names_first();
  std::string tried;
  for (const std::string& path : candidates()) {
    for (const bool basic : kBasics) {
      void* handle;
      {
        const Environment now(basic);
        handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | own_first);
      }
      if (!tried.empty()) tried += "; ";
      if (handle == nullptr) {
        tried += dlerror();  // begins with the path
        break;
      }
      const std::string wrong = bind(handle);
      if (wrong.empty()) {
        library.set_num_threads(1);  // somebody may have loaded it before, with threads
        if (computes()) return "";
      }
      tried +=
          path + " " + (wrong.empty() ? std::string("computes wrong products on this processor (") + library.get_config() + ")" : wrong);
      dlclose(handle);
      if (!wrong.empty()) break;
    }
  }
  return "OpenBLAS cannot be loaded. Tried: " + tried;
}

// ---- Turns ----

struct Waiters {
  std::mutex mutex;
  std::condition_variable left;
  std::set<void*> buffers;  // those of OpenBLAS's that are known to be mapped
};
/// Leaked: threads may still wait in it when the process ends.
Waiters& waiters() {
  static auto* w = new Waiters;
  return *w;
}

/// Has OpenBLAS map one buffer more, for the `call`-th call at a time. It gives out those that it has first. Under Waiters::mutex.
bool map_buffer(int call) {
  if (library.memory_alloc == nullptr) return fits(call);  // perhaps more than are missing: then calls take turns
  if (!fits(1)) return false;
  std::vector<void*> taken;
  bool fresh = false;
  while (!fresh) {
    void* const p = library.memory_alloc(0);
    if (p == nullptr) break;
    taken.push_back(p);
    fresh = waiters().buffers.insert(p).second;
  }
  for (void* p : taken) library.memory_free(p);
  return fresh;
}

}  // namespace

Turn::State Turn::state;

void Turn::wait() {
  const ends::Waiting now;  // for one that may be parked
  Waiters& w = waiters();
  std::unique_lock lock(w.mutex);
  state.waiting.fetch_add(1);
  while (!enter()) {
    const int room = state.room.load();
    if ((room == 0 || parallel() != 0) && map_buffer(room + 1)) {
      state.room.store(room + 1);
    } else if (room > 0) {
      w.left.wait(lock);
    } else {
      state.waiting.fetch_sub(1);
      throw std::bad_alloc();
    }
  }
  state.waiting.fetch_sub(1);
}

void Turn::one_thread() {
  thread_local bool told = false;
  if (!told) library.set_num_threads(1);
  told = true;
}

void Turn::wake() {
  Waiters& w = waiters();
  {
    const std::lock_guard lock(w.mutex);
  }
  w.left.notify_one();
}

const std::string& load() {
  static const std::string error = [] {
    std::string wrong = load_once();
    if (!wrong.empty()) return wrong;
    Turn::state.per_thread = parallel() == 2;
    if (library.memory_alloc != nullptr && map_buffer(1)) Turn::state.room = 1;  // while there is memory
    return wrong;
  }();
  return error;
}
int num_threads() { return library.get_num_threads(); }
int parallel() { return library.get_parallel(); }
const char* config() { return library.get_config(); }
std::string path() {
  Dl_info file;
  return dladdr(reinterpret_cast<void*>(library.get_config), &file) != 0 ? file.dli_fname : "";
}

}  // namespace backsolve::la
