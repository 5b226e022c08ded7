"""The command line `picloud`: a thin layer over client and node that turns words into requests and answers into text or JSON.

A command's module is imported when that command is called, so that `picloud --version` does not wait for the rest.
"""
