"""Exit statuses of every command: well, a check failed, input or environment, a bug of ours."""

EXIT_OK, EXIT_CHECK_FAILED, EXIT_INPUT, EXIT_BUG = 0, 1, 2, 3
