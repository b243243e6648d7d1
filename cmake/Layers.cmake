# The layers of docs/ARCHITECTURE.md: one folder, one OBJECT library each. Which layer may include which stands here only; the test
# `layers` (tests/check-layers) reads it, and a unit test links its layer and those below, so that an upward call fails at link time.
set(CG_LAYER_base_BELOW)
set(CG_LAYER_model_BELOW base)
set(CG_LAYER_kernel_BELOW base)
set(CG_LAYER_image_BELOW model base)
set(CG_LAYER_engine_BELOW model kernel base)
set(CG_LAYER_api_BELOW engine image kernel model base)
# What goes on around a checkpoint tool: it knows both the tool's images and the live tree, so it stands above image and engine.
set(CG_LAYER_checkpoint_BELOW engine image kernel model base)
# The live manager: what it shares with its clients, the process beside each job, and the manager itself.
set(CG_LAYER_control_BELOW model base)
set(CG_LAYER_shim_BELOW base)
set(CG_LAYER_manager_BELOW control shim checkpoint engine image kernel model base)
set(CG_LAYER_cli_BELOW control checkpoint engine image kernel model base)
set(CG_LAYER_daemon_BELOW manager shim cli control checkpoint engine image kernel model base)
if(NOT CGTREE_MANAGER)
  list(REMOVE_ITEM CG_LAYER_cli_BELOW control)
endif()

# cg_layer(NAME SOURCES file... [LIBRARIES target...])
function(cg_layer name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_library(cg_${name} OBJECT ${arg_SOURCES})
  target_include_directories(cg_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(cg_${name} PUBLIC ${arg_LIBRARIES})
endfunction()

# Links an executable or library with a layer and everything below it.
function(cg_link_layer target layer)
  foreach(l IN ITEMS ${layer} LISTS CG_LAYER_${layer}_BELOW)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:cg_${l}>)
    target_link_libraries(${target} PRIVATE cg_${l})
  endforeach()
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
endfunction()

# cg_unit_test(value LAYER model [SOURCES more.c...]): test_value.c with cmocka.
function(cg_unit_test name)
  cmake_parse_arguments(arg "" "LAYER" "SOURCES" ${ARGN})
  add_executable(test_${arg_LAYER}_${name} test_${name}.c ${arg_SOURCES})
  cg_link_layer(test_${arg_LAYER}_${name} ${arg_LAYER})
  target_link_libraries(test_${arg_LAYER}_${name} PRIVATE PkgConfig::CMOCKA)
  target_include_directories(test_${arg_LAYER}_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  add_test(NAME unit/${arg_LAYER}/${name} COMMAND test_${arg_LAYER}_${name} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  set_tests_properties(unit/${arg_LAYER}/${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300 LABELS unit)
endfunction()

# cg_fuzz_target(mountinfo LAYER kernel): fuzz_mountinfo.c, with libFuzzer or, without clang, as a replay of its corpus with mutations.
function(cg_fuzz_target name)
  cmake_parse_arguments(arg "" "LAYER" "SOURCES" ${ARGN})
  set(target fuzz_${name})
  add_executable(${target} fuzz_${name}.c ${arg_SOURCES})
  cg_link_layer(${target} ${arg_LAYER})
  if(CGTREE_FUZZ)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz/replay.c)
  endif()
  add_test(NAME fuzz/${name}
    COMMAND ${PROJECT_SOURCE_DIR}/tests/fuzz/run-short $<TARGET_FILE:${target}> ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
  set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz TIMEOUT 300)
endfunction()
