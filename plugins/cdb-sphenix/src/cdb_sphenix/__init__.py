"""What sPHENIX does its own way: runs or times as minor numbers, and its payload files."""
