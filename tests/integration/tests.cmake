# Every test and program of this folder.

# Bad input.
cg_test_program(damage damage.c damage_make.c)
cg_link_layer(damage image)
target_include_directories(damage PRIVATE $<TARGET_PROPERTY:cg_image,BINARY_DIR>) # the messages
cg_integration_test(badbits NATIVE)
cg_integration_test(badimages NATIVE GUEST 6.1/v2 6.1/v1 TIMEOUT 600)
cg_integration_test(badnames NATIVE GUEST 6.1/v2 6.1/v1 TIMEOUT 600)
cg_integration_test(badarguments NATIVE GUEST 6.1/v2 6.1/v1 TIMEOUT 600)

# Container runtimes: a script, and real ones with criu, which runs on 6.1 only.
cg_integration_test(oci NATIVE GUEST 6.1/v2 TIMEOUT 600)
cg_integration_test(runc GUEST 6.1/v2 6.1/v1 RUNTIMES TIMEOUT 600)
cg_integration_test(podman GUEST 6.1/v2 RUNTIMES TIMEOUT 600)
cg_integration_test(lxc GUEST 6.1/v2 RUNTIMES TIMEOUT 600)

# Fidelity.
cg_test_program(gentree gentree.c gen_settings.c gen_extras.c gen_tasks.c ../guest/samples.c ../guest/catalogue/ground.c)
target_include_directories(gentree PRIVATE ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(gentree PRIVATE Threads::Threads)
cg_link_layer(gentree model)
cg_integration_test(fidelity NATIVE GUEST ${CG_GUEST_CELLS} SANITIZED 6.1/v2 TIMEOUT 600)

# Rollback.
cg_test_program(points points.c points_run.c points_picture.c)
target_compile_definitions(points PRIVATE _GNU_SOURCE)
cg_test_program(sleeper sleeper.c)
target_compile_definitions(sleeper PRIVATE _GNU_SOURCE)
target_link_libraries(sleeper PRIVATE Threads::Threads)
set_target_properties(inject PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${tools_dir})
cg_integration_test(rollback GUEST 6.1/v2 6.1/v1 6.12/v2 TIMEOUT 1800)
# Natively every point is tried: the parts run beside each other.
foreach(part strict full bind)
  cg_integration_test(rollback-${part} NATIVE TIMEOUT 2400)
endforeach()

# Modes and membership.
cg_test_program(spawner spawner.c)
target_compile_definitions(spawner PRIVATE _GNU_SOURCE)
target_link_libraries(spawner PRIVATE Threads::Threads)
cg_integration_test(modes NATIVE GUEST 6.1/v2 6.1/v1 6.1/hybrid 6.12/v2 SANITIZED 6.1/v2 TIMEOUT 600)
cg_integration_test(failing NATIVE GUEST 6.1/v2 6.1/v1 6.1/hybrid 6.12/v2 TIMEOUT 600)
cg_integration_test(bind NATIVE GUEST 6.1/v2 6.1/v1 TIMEOUT 600)
cg_integration_test(members NATIVE GUEST 6.1/v2 6.1/v1 6.1/hybrid 6.12/v2 SANITIZED 6.1/v2 TIMEOUT 600)
cg_integration_test(races NATIVE GUEST 6.1/v2 6.1/v1 6.1/hybrid 6.12/v2 TIMEOUT 600)
# The live manager.
if(CGTREE_MANAGER)
  cg_test_program(killat killat.c)
  target_compile_definitions(killat PRIVATE _GNU_SOURCE)
  cg_integration_test(jobs-crash NATIVE GUEST 6.1/v2 6.1/v1 SANITIZED 6.1/v2 TIMEOUT 900)
  cg_test_program(jobload ../../scripts/bench/jobs.c)
  cg_link_layer(jobload manager)
  # A thousand jobs and what they cost: with sanitizers it is another program that is measured. What it does, jobs and jobs-dump do there.
  if(NOT CGTREE_SANITIZE)
    cg_integration_test(jobs-load NATIVE TIMEOUT 600)
  endif()
  cg_test_program(hostile hostile.c)
  cg_link_layer(hostile manager)
  cg_integration_test(jobs-dump NATIVE GUEST 6.1/v2 TIMEOUT 300)
  cg_integration_test(jobs-peers NATIVE GUEST 6.1/v2 SANITIZED 6.1/v2 TIMEOUT 300)
  cg_test_program(stuck stuck.c)
  target_compile_definitions(stuck PRIVATE _GNU_SOURCE)
  cg_integration_test(jobs-faults NATIVE GUEST 6.1/v2 SANITIZED 6.1/v2 TIMEOUT 300)
  cg_integration_test(jobs-delegated NATIVE GUEST 6.1/v2 6.1/v1 6.12/v2 TIMEOUT 300)
  cg_integration_test(jobs NATIVE GUEST 6.1/v2 6.1/v1 6.1/hybrid 6.12/v2 SANITIZED 6.1/v2 TIMEOUT 600)
  # Its governor: what it sees, and what it does.
  cg_test_program(pressures pressures.c)
  cg_link_layer(pressures manager)
  cg_integration_test(governor NATIVE COUNTED GUEST 6.1/v2 6.12/v2 TIMEOUT 900)
  cg_integration_test(pressure NATIVE GUEST 6.1/v2 6.1/v1 6.12/v2 SANITIZED 6.12/v2)
endif()
# The longest: they start first.
set_tests_properties(native/rollback-full PROPERTIES COST 1000)
set_tests_properties(native/rollback-strict native/rollback-bind PROPERTIES COST 900)

# BPF programs, devices and interfaces.
cg_test_program(bpfprog bpfprog.c)
target_compile_definitions(bpfprog PRIVATE _GNU_SOURCE)
target_link_libraries(bpfprog PRIVATE PkgConfig::LIBBPF)
cg_test_program(devrules devrules.c)
cg_link_layer(devrules engine)
cg_integration_test(programs NATIVE GUEST 6.1/v2 6.12/v2 SANITIZED 6.1/v2 TIMEOUT 600)
cg_integration_test(identities GUEST 6.1/v2 6.1/v1 6.12/v2 6.12/v1 SANITIZED 6.1/v2 TIMEOUT 300)

# From one layout to another, through several guests: dumped here, restored there.
cg_test_program(burn burn.c)
target_compile_definitions(burn PRIVATE _GNU_SOURCE)
cg_across_test(v2 translate 6.1/v1 6.1/v2 6.1/v1)
cg_across_test(hybrid translate 6.1/v1 6.12/hybrid)
cg_across_test(mix translate 6.1/v1 6.1/mix)
cg_across_test(from-v2 translate 6.1/v2 6.1/v1)
cg_across_test(from-hybrid translate 6.1/hybrid 6.1/v2)
cg_across_test(v2-hybrid translate 6.1/v1 6.1/v2 6.1/hybrid)
cg_across_test(threads translate-threads 6.1/v1 6.1/v2 6.1/v1)
cg_integration_test(rebind NATIVE GUEST 6.1/v2 6.12/v2 SANITIZED 6.1/v2 TIMEOUT 300)

# Everyday verbs.
cg_integration_test(everyday NATIVE GUEST 6.1/v2 6.1/v1 6.1/hybrid 6.1/mix TIMEOUT 600)
cg_integration_test(tutorial NATIVE GUEST 6.1/v2 6.1/v1 TIMEOUT 300)
cg_integration_test(config NATIVE GUEST 6.1/v2 6.1/v1 TIMEOUT 300)
# The units, below a real systemd.
if(CGTREE_MANAGER AND NOT CGTREE_SANITIZE)
  foreach(layout v2 hybrid)
    add_test(NAME guest/systemd-${layout}/units
      COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/in-systemd 6.1 ${layout} 180 units ${CMAKE_INSTALL_PREFIX} ${PROJECT_BINARY_DIR}/units)
    set_tests_properties(guest/systemd-${layout}/units PROPERTIES ENVIRONMENT "CGTREE=$<TARGET_FILE:cgtree>" SKIP_RETURN_CODE 77 TIMEOUT 300
      LABELS guest)
  endforeach()
endif()
