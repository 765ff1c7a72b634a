"""When and how stages run: flows, schedules, retries, processes. No model and no data code."""
