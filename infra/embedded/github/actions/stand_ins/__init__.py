"""Actions that stand in for those of GitHub where a run could not fetch them."""
