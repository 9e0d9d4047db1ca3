//! A running instance and those who ask it: a socket in its state folder, one line of JSON each way.
