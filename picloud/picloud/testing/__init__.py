"""What a third party tests its places and plugins with: contract suites, a clock that obeys, a node for the time of a test.

Install the extra `testing` for it: the suites are written for pytest.
"""
