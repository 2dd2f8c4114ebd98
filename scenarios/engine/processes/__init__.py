"""The processes of a world: started, watched, asked whether they are ready, ended."""
