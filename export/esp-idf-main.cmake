idf_component_register(SRCS "main.c" "../../student.c" "../../student_selftest.c" INCLUDE_DIRS "../.." REQUIRES esp_timer)
set_source_files_properties("../../student.c" PROPERTIES COMPILE_OPTIONS "-O2")
