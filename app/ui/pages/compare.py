def show(open_sluice, links):
    pass
