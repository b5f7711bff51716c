"""What each source's server looks like to the contract suite."""
