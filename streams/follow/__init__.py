"""Following a log file into the log: lines of an MTA become raw records like those of the gateway.

position   how far a file has been read, safe over a kill
logfile    an open file read in whole lines; rotated ones may be compressed
rotation   which files to read next, after a rotation or a restart
framing    lines as a body that the source's connector can read alone
context    Postfix's earlier lines that explain a batch
follower   read, frame, append, note the position
"""
